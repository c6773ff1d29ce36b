// The line to the server: one WebSocket that comes back by itself. After each return the server sends a whole snapshot,
// so nothing that was missed has to be asked for.

const LONGEST_WAIT = 8000;

/** Keeps a connection for one person; calls `onEvent(event)` for what arrives and `onLine(isUp)` when the line changes. */
export class Connection {
  constructor(address, { onEvent, onLine }) {
    this.address = address;
    this.onEvent = onEvent;
    this.onLine = onLine;
    this.person = null;
    this.socket = null;
    this.wait = 250;
    this.timer = null;
  }

  /** Connects as a person; a connection as someone else is given up first. */
  open(person) {
    this.person = person;
    this.drop();
    this.connect();
  }

  /** Sends, and says whether there was a line to send on. */
  send(event) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(event));
    return true;
  }

  connect() {
    clearTimeout(this.timer);
    const address = new URL(this.address);
    if (this.person) address.searchParams.set("as", this.person);
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.wait = 250;
      this.onLine(true);
    });
    socket.addEventListener("message", (message) => {
      if (socket === this.socket) this.onEvent(JSON.parse(message.data));
    });
    socket.addEventListener("close", () => {
      if (socket === this.socket) this.lost();
    });
  }

  lost() {
    this.socket = null;
    this.onLine(false);
    this.timer = setTimeout(() => this.connect(), this.wait);
    this.wait = Math.min(LONGEST_WAIT, this.wait * 2);
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    clearTimeout(this.timer);
    socket?.close();
  }
}

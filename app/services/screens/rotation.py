"""Rotating a key, as admins see it: what it touches before it happens, what came of it, and the way back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.keys import KeyStatus, ProviderKey, SpareKey, Which
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Code,
    Confirm,
    Heading,
    Level,
    Note,
    Notice,
    Rich,
    Row,
    SecretInput,
    Style,
    Text,
    TextInput,
    View,
    When,
    rich,
)
from app.errors import KeyRejected, ModelGone, ProviderError
from app.ports.providers import ModelProvider
from app.services.key_trials import BEST
from app.services.rotation_outcomes import BeingTried, NeedsWord, Outcome, Overtaken, Rotated, TurnedDown
from app.services.screens.key_form import CARE, expiry
from app.services.screens.words import enumerated, many, notice, shown

ROTATE = "key_rotate"
UNDO = "key_rotate_undo"
DROP = "key_rotate_drop"
ANYWAY = "key_rotate_anyway"
GIVE_UP = "key_rotate_give_up"
FORM = "key_rotate_with"

MOST_NAMED = 10
DEFAULT_HOURS = 24

Uses = Mapping[str, Sequence[str]]


def form(key: ProviderKey, provider: ModelProvider, uses: Uses, kept: Sequence[SpareKey]) -> View:
    """Asks for the next key, and says first whom it touches."""
    server: tuple[Block, ...] = ()
    if provider.wants_base_url:
        server = (
            TextInput("base_url", "Base URL", key.base_url, "https://openrouter.ai/api/v1", "Where the next key is sent to."),
        )  # fmt: skip
    return View(
        title="Rotate a key",
        id=FORM,
        submit="Rotate",
        context=key.id,
        blocks=(
            Text(rich(Bold(provider.title), f" · {key.label} · {shown(key)}\n", *_touched(uses))),
            *_in_the_way(kept),
            SecretInput("key", "Next API key", f"Tried with those models now, at no cost. {CARE}"),
            *server,
            expiry(),
            TextInput("hours", "Hours to keep the old key", str(DEFAULT_HOURS), hint="1 to 168. For so long this can be undone; then it is destroyed.", max_length=3),
            Note(rich("Nothing changes until the next key is known to work. Answers being made end with the one they began with.")),
        ),
    )  # fmt: skip


def choice(keys: Sequence[tuple[str, ProviderKey]], *, undo: bool) -> View:
    """`/byok rotate` without a label, where there are several: each by its provider's title."""
    button = UNDO if undo else ROTATE
    rows = tuple(
        Row(
            rich(Bold(title), f" · {key.label} · {shown(key)}"),
            Button(button, "Undo" if undo else "Rotate", key.id, opens=not undo),
        )
        for title, key in keys[:MOST_NAMED]
    )
    return View(blocks=(Heading("Which rotation is to be undone?" if undo else "Which key is to be rotated?"), *rows))


def outcome(title: str, came: Outcome) -> View:
    """What became of it."""
    match came:
        case Rotated():
            return _rotated(title, came)
        case BeingTried(key, spare, error):
            why = f" {error.message}" if error else ""
            text = f"The next {title} key for “{key.label}” ({_ending(spare)}) is being tried.{why} "
            return notice(
                Level.INFO, f"{text}Until it is known to work, {shown(key)} goes on. You will be told what came of it."
            )
        case NeedsWord():
            return _needs_word(title, came)
        case TurnedDown(key, spare):
            text = f"{title} refuses the next key for “{key.label}” ({_ending(spare)}), so it was destroyed here. "
            return notice(Level.ERROR, f"{text}Nothing else changed: {shown(key)} goes on.")
        case Overtaken(key):
            return notice(
                Level.WARNING,
                f"The {title} key “{key.label}” was changed by somebody else meanwhile, so it was not rotated.",
            )


def undone(title: str, key: ProviderKey, instead_of: ProviderKey) -> View:
    """After an admin undid it."""
    text = f"The rotation of the {title} key “{key.label}” is undone: {shown(key)} is in use again, {shown(instead_of)} is destroyed here."
    return View(
        blocks=(
            Notice(rich(text), Level.SUCCESS),
            Note(rich(f"Revoke the one that is not used any more at {title} too.")),
        )
    )


def dropped(title: str, label: str, spare: SpareKey) -> View:
    """After a spare key was destroyed before its time."""
    if spare.which is Which.NEXT:
        return notice(Level.SUCCESS, f"{_ending(spare)} is destroyed here; the {title} key “{label}” stays as it is.")
    return View(
        blocks=(
            Notice(rich(f"{_ending(spare)}, the {title} key before, is destroyed here. There is no way back to it."), Level.SUCCESS),
            Note(rich(f"Revoke it at {title} too.")),
        )
    )  # fmt: skip


def switched_back(title: str, key: ProviderKey, instead_of: ProviderKey, error: ProviderError) -> View:
    """Told to admins when it happened by itself."""
    what = "rejected" if isinstance(error, KeyRejected) else "lets none of its agents' models be used with"
    text = f"{title} {what} the new key “{key.label}” ({shown(instead_of)}), so {shown(key)}, the one before, is in use again. "
    return View(
        blocks=(
            Notice(rich(f"{text}Whatever it was rejected for is made again with that one."), Level.WARNING),
            Text(rich(f"{shown(instead_of)} is destroyed here. Look at it at {title}, and rotate again when it works.")),
            Buttons((Button(ROTATE, "Rotate again", key.id, opens=True),)),
        )
    )  # fmt: skip


def ran_out(title: str, key: ProviderKey, spare: SpareKey) -> View:
    """A next key that was never settled."""
    why = (
        f"{title} could not be reached about it for a day"
        if spare.next_try_at
        else "nobody said whether to switch all the same"
    )
    text = f"The {title} key “{key.label}” was not rotated: {why}. The next key ({_ending(spare)}) is destroyed here, {shown(key)} goes on."
    return View(
        blocks=(
            Notice(rich(text), Level.WARNING),
            Buttons((Button(ROTATE, "Rotate again", key.id, opens=True),)),
        )
    )


def one_beside(spare: SpareKey) -> str:
    """What a button about a spare key says: which key it stands beside, and that it is about this one and no later one."""
    return f"{spare.key_id}:{spare.version}.{spare.fingerprint[:12]}"


def beside(key: ProviderKey, spares: Sequence[SpareKey]) -> tuple[Block, ...]:
    """What stands beside a key, and what can be done about it: for `/byok keys`."""
    blocks: list[Block] = []
    for spare in spares:
        buttons = (
            Buttons((_undo(key, spare), _drop(spare)))
            if spare.which is Which.PREVIOUS
            else _anyway(key, spare)
            if spare.next_try_at is None
            else Buttons((_give_up(key, spare),))
        )
        blocks += [Text(_standing(key, spare)), buttons]
    return tuple(blocks)


def beside_in_a_line(key: ProviderKey, spares: Sequence[SpareKey]) -> tuple[Block, ...]:
    """The same in one line, with the one thing that is most likely wanted: for a home tab, which has little room."""
    if not spares:
        return ()
    spare = next((one for one in spares if one.which is Which.NEXT), spares[0])
    return (Row(_standing(key, spare), _undo(key, spare) if spare.which is Which.PREVIOUS else _give_up(key, spare)),)


def _standing(key: ProviderKey, spare: SpareKey) -> Rich:
    if spare.which is Which.PREVIOUS:
        return rich(
            "🔁 Rotated ",
            When(key.set_at),
            f"; {_ending(spare)}, the one before, is kept until ",
            When(spare.keep_until),
            ".",
        )
    if spare.next_try_at is None:
        return rich(
            f"🔁 The next key, {_ending(spare)}, works, but not with everything that agents use. It waits for your word until ",
            When(spare.keep_until), ". ", Code("/byok keys"), " has more.",
        )  # fmt: skip
    return rich(f"🔁 The next key, {_ending(spare)}, is being tried; until it works, {shown(key)} goes on.")


def _rotated(title: str, came: Rotated) -> View:
    key, before = came.key, came.before
    text = f"The {title} key “{key.label}” is rotated: new calls use {shown(key)}. {_ending(before)}, the one before, is kept until "
    blocks: list[Block] = [Notice(rich(text, When(before.keep_until), "."), Level.SUCCESS)]
    gone = [spare for spare in came.destroyed if spare.which is Which.PREVIOUS]
    if gone:
        blocks.append(Text(rich(f"{_ending(gone[0])}, kept from the rotation before, was destroyed for it.")))
    if came.unchecked:
        blocks.append(Text(rich("Not checked, because no free call tells: ", *_codes(came.unchecked), ".")))
    if key.status is KeyStatus.NO_CREDIT:
        blocks.append(Text(rich(f"{title} says that the account behind it has no credit left.")))
    blocks += [
        Buttons((_undo(key, before), _drop(before))),
        Note(rich(f"If {title} rejects it within that time, the one before takes over again by itself, and you are told.")),
    ]  # fmt: skip
    return View(blocks=tuple(blocks))


def _needs_word(title: str, came: NeedsWord) -> View:
    key, spare = came.key, came.next
    blocks: list[Block] = [
        Notice(
            rich(f"{title} accepts the next key for “{key.label}” ({_ending(spare)}), but agents would miss something. Nothing is changed yet: {shown(key)} goes on."),
            Level.WARNING,
        )
    ]  # fmt: skip
    for one in came.tried.kept_from[:MOST_NAMED]:
        why = "is not offered to it" if isinstance(one.error, ModelGone) else "may not be used with it"
        blocks.append(Text(rich(*_bold(one.agents), ": ", Code(one.model), f" {why}.")))
    if spare.status is KeyStatus.NO_CREDIT:
        blocks.append(Text(rich("The account behind it has no credit left: no agent could answer with it.")))
    if came.tried.unchecked:
        blocks.append(Text(rich("Not checked, because no free call tells: ", *_codes(came.tried.unchecked), ".")))
    return View(blocks=(*blocks, _anyway(key, spare)))


def _touched(uses: Uses) -> Rich:
    if not uses:
        return rich("No agent uses it.")
    lines: list[Rich] = []
    for model, names in list(uses.items())[:MOST_NAMED]:
        what = (" on ", Code(model)) if model else (" on its provider's best model",)
        lines.append(rich("\n• ", *_bold(names), *what))
    more = f"\n… and {many(len(uses) - MOST_NAMED, 'model')} more" if len(uses) > MOST_NAMED else ""
    return rich("This touches:", *(span for line in lines for span in line), more)


def _in_the_way(kept: Sequence[SpareKey]) -> tuple[Block, ...]:
    return tuple(
        Notice(rich(f"{_ending(spare)}, the key before this one, is still kept. Rotating again destroys it."))
        if spare.which is Which.PREVIOUS
        else Notice(rich(f"{_ending(spare)} is waiting to take over. The key that you enter takes its place."))
        for spare in kept
    )


def _undo(key: ProviderKey, spare: SpareKey) -> Button:
    sure = Confirm(
        "Undo this rotation?",
        f"{_ending(spare)} is used again; {shown(key)} is destroyed here at once.",
        "Undo",
        "Leave it",
    )
    return Button(UNDO, "Undo", one_beside(spare), confirm=sure)


def _drop(spare: SpareKey) -> Button:
    sure = Confirm(
        "Drop the old key?", f"{_ending(spare)} is destroyed here at once; there is no way back to it.", "Drop it", "Keep it"
    )  # fmt: skip
    return Button(DROP, "Drop the old key now", one_beside(spare), Style.DANGER, sure)


def _anyway(key: ProviderKey, spare: SpareKey) -> Buttons:
    sure = Confirm("Switch anyway?", "What is named here can't answer with the next key.", "Switch", "Wait")
    return Buttons((Button(ANYWAY, "Switch anyway", one_beside(spare), Style.DANGER, sure), _give_up(key, spare)))


def _give_up(key: ProviderKey, spare: SpareKey) -> Button:
    return Button(GIVE_UP, f"Stay with {shown(key)}", one_beside(spare))


def _ending(spare: SpareKey) -> str:
    return f"••••{spare.last_four}" if spare.last_four else "••••"


def _bold(names: Sequence[str]) -> Rich:
    return enumerated([Bold(name) for name in names[:MOST_NAMED]])


def _codes(names: Sequence[str]) -> Rich:
    return enumerated([name if name == BEST else Code(name) for name in names[:MOST_NAMED]])

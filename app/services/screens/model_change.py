"""Another model for an agent: what is different, both of them tried, and what was chosen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.agent import AgentSpec
from app.domain.money import Cost, TokenPrices
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Code,
    Fields,
    Level,
    Note,
    Notice,
    Option,
    Rich,
    Row,
    Style,
    Text,
    TextInput,
    View,
    rich,
)
from app.services.comparison import Difference, Side
from app.services.dollars import shown
from app.services.model_menu import Chosen
from app.services.screens import stand_ins
from app.services.screens.agents import model_select, named
from app.services.screens.words import many, notice
from app.services.trials import LONGEST_ANSWER, Told, Trial

CHANGE = "model_change"
TRY = "model_try"
KEEP = "model_keep"
PICK = "model_pick"
TRY_FORM = "model_try_ask"
QUESTIONS = ("question_1", "question_2")

FIRST_QUESTIONS = (
    "What can you help me with here? Answer in three sentences.",
    "Our release moved from Tuesday to Thursday because a test failed on Monday; Ana fixes it, Ben tells the customers. Sum this up for somebody who was away.",
)
LONGEST_QUESTION = 1000
LONGEST_SHOWN = 1500
MOST_AGENTS = 10


@dataclass(frozen=True, slots=True)
class Ending:
    """A model that comes to its end, as its provider (`title`) says: `lifecycle` is `deprecated`, `retired` or `gone` (from its list)."""

    title: str
    model: str
    lifecycle: str
    retires_on: str = ""

    @property
    def words(self) -> str:
        """In a sentence."""
        if self.lifecycle in ("gone", "retired"):
            return f"{self.title} no longer offers {self.model}: what it answers with may fail at any time."
        when = f" on {self.retires_on}" if self.retires_on else " some day soon"
        return f"{self.title} ends {self.model}{when}, as its list of models says."


def value(agent: AgentSpec, chosen: Chosen) -> str:
    """An agent and a model, as a button carries them: ids only."""
    return f"{agent.id}|{chosen.value}"


def difference(found: Difference) -> View:
    """Shown before a model is changed."""
    return View(title="Another model", blocks=(*facts(found), _choices(found.agent, found.chosen)))


def facts(found: Difference) -> tuple[Block, ...]:
    """What is different between two models, in a few lines."""
    now, then = found.now, found.then
    head = rich(*named(found.agent), ": ", Code(now.model or "no model yet"), " → ", Code(then.model))
    pairs = [
        ("A million tokens cost", _change(_price(now.prices), _price(then.prices))),
        ("This month", _month(now, then)),
        ("Takes in", _change(_tokens(now.info.context_window), _tokens(then.info.context_window))),
        ("Pictures", _change(_yes(now.info.images), _yes(then.info.images))),
        ("PDFs", _change(_yes(now.info.documents), _yes(then.info.documents))),
        ("Tools", _change(_yes(now.info.tools), _yes(then.info.tools))),
        ("Own web search", _change(_yes(now.info.web_search), _yes(then.info.web_search))),
        ("Paid by", _change(_payer(now), _payer(then))),
    ]
    notes: list[Block] = []
    if then.info.lifecycle != "active":
        end = Ending(then.title, then.model, then.info.lifecycle, then.info.retires_on)
        notes.append(Notice(rich(end.words), Level.WARNING))
    if then.prices is None and then.key is not None:
        notes.append(
            Note(rich("Its price is not known: while a limit of money applies it can't answer until an admin enters one with ", Code("/byok prices"), "."))
        )  # fmt: skip
    return (Text(head), Fields(tuple(pairs)), *notes)


def _choices(agent: AgentSpec, chosen: Chosen) -> Buttons:
    carried = value(agent, chosen)
    return Buttons(
        (
            Button(CHANGE, "Change", carried, Style.PRIMARY),
            Button(TRY, "Try both with two questions", carried, opens=True),
            Button(KEEP, "Keep as it is", agent.id),
        )
    )


def picker(agent: AgentSpec, options: Sequence[Option], selected: str) -> View:
    """`/byok model <agent>`."""
    on = Code(agent.model) if agent.model else "the best model it can get"
    return View(
        blocks=(
            Row((*named(agent), " answers with ", on, "."), model_select(agent, options, selected)),
            Buttons((stand_ins.button(agent),)),
        ),
        title="Model",
    )


def changed(found: Difference) -> View:
    """After an agent's form was saved with another model: what is different now, and the way back."""
    before = Chosen.of(found.agent)
    done = Notice(rich(f"{found.agent.name} is saved. It answers with another model now."), Level.SUCCESS)
    back = Button(CHANGE, f"Back to {before.model}"[:75], value(found.agent, before))
    return View(title="Another model", blocks=(done, *facts(found), Buttons((back,))))


def kept(agent: AgentSpec) -> View:
    """Nothing was changed."""
    on = Code(agent.model) if agent.model else "the best model of the default key"
    return notice(Level.INFO, Bold(agent.name), " still answers with ", on, ".")


def try_form(found: Difference) -> View:
    """Two questions for both."""
    labels = ("One question", "Another one")
    fields = tuple(
        TextInput(name, label, first, multiline=True, max_length=LONGEST_QUESTION)
        for name, label, first in zip(QUESTIONS, labels, FIRST_QUESTIONS, strict=True)
    )
    about = f"Both are asked with {found.agent.name}'s instructions and without tools, for {LONGEST_ANSWER} tokens at most each. Your own keys pay, within your limits. Nothing of it is kept."
    return View(
        title="Try both",
        id=TRY_FORM,
        submit="Ask both",
        context=value(found.agent, found.chosen),
        blocks=(Text(rich(Code(found.now.model), " and ", Code(found.then.model))), *fields, Note(rich(about))),
    )


def asking(found: Difference) -> View:
    """At once after the form was sent."""
    return notice(
        Level.INFO, "Asking ", Code(found.now.model), " and ", Code(found.then.model), ". Their answers come to your own chat with me."
    )  # fmt: skip


def tried(trial: Trial) -> View:
    """What both answered, one under the other: side by side would not fit a phone."""
    agent, models = trial.agent, trial.models
    blocks: list[Block] = [Text(rich(*named(agent), ": ", Code(models[0]), " and ", Code(models[1])))]
    for question, answers in zip(trial.questions, trial.answers, strict=True):
        blocks.append(Text(rich(Bold(_cut(question, 300)))))
        for model, told in zip(models, answers, strict=True):
            blocks += [Text(rich(Code(model), "\n", _said(told))), Note(rich(_measured(told)))]
    totals = [_total(model, [pair[at] for pair in trial.answers]) for at, model in enumerate(models)]
    return View(title="Both tried", blocks=(*blocks, Note(rich(" · ".join(totals))), _after(agent, trial.chosen)))


def warning(
    end: Ending, agents: Sequence[AgentSpec], standing_in_for: Sequence[AgentSpec], suggested: Difference | None
) -> View:
    """Tells admins ahead that a model ends; nothing is changed by itself."""
    blocks: list[Block] = [Notice(rich(end.words), Level.WARNING)]
    if suggested:
        blocks += facts(suggested)
    for agent in agents[:MOST_AGENTS]:
        buttons = [Button(PICK, "Choose another", agent.id)]
        if suggested:
            chosen = Chosen(suggested.chosen.provider, suggested.chosen.model, agent.key_id)
            label = f"Change to {chosen.model}"[:75]
            buttons.insert(0, Button(CHANGE, label, value(agent, chosen), Style.PRIMARY))
        blocks += [Text(rich(*named(agent), " answers with it.")), Buttons(tuple(buttons))]
    if len(agents) > MOST_AGENTS:
        more = many(len(agents) - MOST_AGENTS, "agent")
        blocks.append(Note(rich(f"… and {more} more: ", Code("/byok model <agent>"), ".")))
    for agent in standing_in_for[:MOST_AGENTS]:
        blocks.append(Row(rich("It may stand in for ", Bold(agent.name), "'s model."), stand_ins.button(agent)))
    return View(title="A model ends", blocks=(*blocks, Note(rich("Nothing is changed by itself."))))


def _after(agent: AgentSpec, chosen: Chosen) -> Buttons:
    return Buttons((
        Button(CHANGE, "Change", value(agent, chosen), Style.PRIMARY), Button(KEEP, "Keep as it is", agent.id),
    ))  # fmt: skip


def _change(now: str, then: str) -> Rich:
    return rich(now) if now == then else rich(f"{now} → ", Bold(then))


def _price(prices: TokenPrices | None) -> str:
    return f"{shown(prices.input)} in, {shown(prices.output)} out" if prices else "unknown"


def _month(now: Side, then: Side) -> Rich:
    spent = shown(now.month) if now.month else shown(Cost())
    if then.month is None:
        return rich(f"{spent}; with the other: unknown")
    return rich(f"{spent}; the same tokens with the other: ", Bold(f"about {shown(then.month)}"))


def _tokens(count: int) -> str:
    return f"{count:,} tokens" if count else "unknown"


def _yes(can: bool | None) -> str:
    return "unknown" if can is None else "yes" if can else "no"


def _payer(side: Side) -> str:
    return f"{side.title} key “{side.key.label}”" if side.key else "nobody"


def _said(told: Told) -> str:
    return _cut(told.text, LONGEST_SHOWN) if told.text else "(no words)"


def _measured(told: Told) -> str:
    parts = [
        f"{told.seconds:.1f} s",
        f"{told.usage.input_tokens:,} + {told.usage.output_tokens:,} tokens",
        shown(told.cost),
    ]
    return " · ".join([*parts, *([told.remark] if told.remark else [])])


def _total(model: str, several: Sequence[Told]) -> str:
    spent = sum((told.cost for told in several), Cost())
    return f"{model}: {sum(told.seconds for told in several):.1f} s, {shown(spent)} in all"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"

"""Keys, as admins see them: never more of one than its last four characters and a fingerprint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.agent import AgentSpec
from app.domain.chat import UserRef
from app.domain.keys import KeyStatus, ProviderKey, SpareKey
from app.domain.views import (
    Block,
    Bold,
    Button,
    Buttons,
    Code,
    Confirm,
    Divider,
    Fields,
    Heading,
    Level,
    Note,
    Notice,
    Person,
    Rich,
    Style,
    Text,
    View,
    When,
    rich,
)
from app.services.key_health import problem
from app.services.screens.rotation import ROTATE, beside
from app.services.screens.words import STATUS, agent_names, many, notice, shown

ADD = "key_add"
TEST = "key_test"
REPLACE = "key_replace"
REVOKE = "key_revoke"
MAKE_DEFAULT = "key_default"
DETAILS = "key_details"
EDIT_AGENT = "agent_edit"

MOST_WHOLE = 8
"""Of more keys than this, a list has a line each; the rest is shown of one at a time."""


def buttons(key: ProviderKey, agents: Sequence[AgentSpec]) -> Buttons:
    """What can be done with a key."""
    after = [Button(MAKE_DEFAULT, "Make default", key.id)] if not key.is_default else []
    return Buttons(
        (
            Button(TEST, "Test", key.id),
            Button(REPLACE, "Replace", key.id, opens=True),
            Button(ROTATE, "Rotate", key.id, opens=True),
            *after,
            Button(DETAILS, "Expiry and pace", key.id, opens=True),
            Button(REVOKE, "Revoke", key.id, Style.DANGER, _confirm(key, agents)),
        )
    )


def summary(title: str, key: ProviderKey) -> Rich:
    """A key in a line: `Anthropic · main · ••••f3a1 · Works`."""
    is_default = " · default" if key.is_default else ""
    return rich(Bold(title), f" · {key.label} · {shown(key)}{is_default}\n{STATUS[key.status]}", *_explained(key))


def listing(
    keys: Sequence[ProviderKey],
    titles: Mapping[str, str],
    users: Mapping[str, Sequence[AgentSpec]],
    spares: Mapping[str, Sequence[SpareKey]],
) -> View:
    """`/byok keys`. `users` has the agents that each key pays for, `spares` what stands beside it, by the key's id."""
    if not keys:
        return View(
            blocks=(
                Text(rich("There is no model key in this workspace yet.")),
                Buttons((Button(ADD, "Add a key", style=Style.PRIMARY, opens=True),)),
            )
        )
    blocks: list[Block] = [Heading("Model keys")]
    if len(keys) > MOST_WHOLE:
        blocks += [Text(summary(titles.get(key.provider, key.provider), key)) for key in keys]
        blocks.append(Note(rich("One of them with all there is to it: ", Code("/byok keys <provider>/<label>"))))
    else:
        for key in keys:
            agents = users.get(key.id, ())
            blocks += [_facts(titles.get(key.provider, key.provider), key, agents), buttons(key, agents)]
            blocks += [*beside(key, spares.get(key.id, ())), Divider()]
    blocks.append(Buttons((Button(ADD, "Add a key", opens=True),)))
    return View(blocks=tuple(blocks))


def saved(title: str, key: ProviderKey, moved: Sequence[AgentSpec], *, replaced: bool, why: str) -> View:
    """After a key was set. `why` is what kept it from being verified."""
    kept = f"{title} key “{key.label}” ({shown(key)}) is {'replaced; the old one is destroyed' if replaced else 'set'}."
    if key.status is KeyStatus.VERIFIED:
        return View(blocks=(Notice(rich(f"{kept} {title} accepts it."), Level.SUCCESS), *adopted(title, moved)))
    if key.status is KeyStatus.NO_CREDIT:
        why = f"{title} knows it, but the account behind it has no credit left: agents can't answer until it is topped up."
        return notice(Level.WARNING, f"{kept} {why}")
    later = "It is unverified until then: it is checked again by itself, and you will be told what came of it."
    return notice(Level.WARNING, f"{kept} But it could not be checked yet: {why[:1].lower()}{why[1:]} {later}")


def check_results(results: Sequence[tuple[str, ProviderKey, str]], moved: Sequence[AgentSpec]) -> View:
    """After `/byok test`: provider's title, the key, and why nothing could be told (empty if it could)."""
    blocks: list[Block] = [Text((*summary(title, key), *((f"\n{why}",) if why else ()))) for title, key, why in results]
    title = results[0][0] if results else ""
    return View(blocks=(*blocks, *adopted(title, moved)))


def revoke_question(title: str, key: ProviderKey, agents: Sequence[AgentSpec]) -> View:
    """`/byok revoke`: asked first."""
    return View(
        blocks=(
            Text(rich("Revoke the ", Bold(title), f" key “{key.label}” ({shown(key)})? ", *_consequence(agents))),
            Buttons((Button(REVOKE, "Revoke it now", key.id, Style.DANGER),)),
            Note(rich("It is destroyed here at once. At the provider it stays valid until you revoke it there too.")),
        )
    )


def revoked(title: str, key: ProviderKey, agents: Sequence[AgentSpec], others: Sequence[ProviderKey]) -> View:
    """After a key was revoked."""
    text = f"The {title} key “{key.label}” ({shown(key)}) is revoked and destroyed here. Revoke it at {title} too."
    blocks: list[Block] = [Notice(rich(text), Level.SUCCESS)]
    if agents:
        blocks.append(
            Text(rich(*agent_names(agents), " can't answer until there is a key again. Nothing steps in by itself."))
        )
        choices = [Button(MAKE_DEFAULT, f"Use “{other.label}” instead", other.id) for other in others[:3]]
        wanted = choices if key.is_default else []
        blocks.append(Buttons((*wanted, Button(ADD, "Add a key", key.provider, opens=True))))
    return View(blocks=tuple(blocks))


def now_default(title: str, key: ProviderKey) -> View:
    """After a key was made the default."""
    return notice(Level.SUCCESS, f"“{key.label}” is now the default {title} key.")


def details_saved(title: str, key: ProviderKey) -> View:
    """After an admin noted when a key ends, and how often it may be used."""
    ends = (
        f"It expires on {key.expires_on:%Y-%m-%d}; admins are warned before."
        if key.expires_on
        else "It does not expire."
    )
    return notice(Level.SUCCESS, f"Saved for the {title} key “{key.label}”. {ends} It may be used {pace(key)}.")


def pace(key: ProviderKey) -> str:
    """How often a key may be used: `for 4 calls at a time and 60 a minute`."""
    caps = [
        *([f"{many(key.max_at_once, 'call')} at a time"] if key.max_at_once else []),
        *([f"{many(key.max_per_minute, 'call')} a minute"] if key.max_per_minute else []),
    ]
    return "for at most " + " and ".join(caps) if caps else "as often as there is something to ask"


def choose_a_model(agent: AgentSpec, title: str) -> View:
    """Asks an admin when none of a key's models is known well enough to choose one for somebody."""
    text = f"{agent.name} could not answer: none of the models behind your {title} key could be picked safely. Which one should it use?"
    return View(
        blocks=(
            Notice(rich(text), Level.WARNING),
            Buttons((Button(EDIT_AGENT, "Choose a model", agent.id, Style.PRIMARY, opens=True),)),
        )
    )


def typed_key(*, in_command: bool) -> View:
    """Told privately to somebody who typed a key where it does not belong."""
    where = "a command" if in_command else "a message"
    return View(
        blocks=(
            Notice(
                rich(
                    Bold("That looks like a key."),
                    f" It was typed in {where}, so treat it as exposed: revoke it at its provider and make a new one. "
                    "Latchkey did not keep it and sent it to nobody.",
                ),
                Level.ERROR,
            ),
            Text(rich("Keys go into a form: ", Code("/byok setkey"), " opens it.")),
        )
    )


def _facts(title: str, key: ProviderKey, agents: Sequence[AgentSpec]) -> Fields:
    where = ((("Server", rich(Code(key.base_url))),)) if key.base_url else ()
    return Fields((
        ("Provider", rich(Bold(title), " (default)" if key.is_default else "")),
        ("Label", rich(key.label)),
        *where,
        ("Key", rich(Code(shown(key)))),
        ("Fingerprint", rich(Code(key.fingerprint[:16]))),
        ("Status", rich(STATUS[key.status])),
        *_checked(key),
        *((("Pace", rich(pace(key))),) if key.max_at_once or key.max_per_minute else ()),
        *((("Expires", rich(f"{key.expires_on:%Y-%m-%d}")),) if key.expires_on else ()),
        ("Set by", rich(Person(UserRef(key.workspace, key.set_by)), ", ", When(key.set_at))),
        ("Used by", agent_names(agents) or rich("nobody yet")),
    ))  # fmt: skip


def _checked(key: ProviderKey) -> tuple[tuple[str, Rich], ...]:
    """When its provider was last heard about it, and what the last check failed of."""
    when = rich(When(key.checked_at), ". " if key.problem else "") if key.checked_at else ()
    told = (*when, *rich(problem(key.problem)))
    return (("Last check", told),) if told else ()


def _explained(key: ProviderKey) -> Rich:
    if key.status is KeyStatus.UNVERIFIED:
        return rich(": the provider could not be reached. It is checked again by itself.")
    if key.status is KeyStatus.REFUSED:
        return rich(": replace it, agents can't answer with it.")
    return ()


def adopted(title: str, moved: Sequence[AgentSpec]) -> tuple[Block, ...]:
    """Says which agents now think with the first key that works, and on what."""
    if not moved:
        return ()
    model = moved[0].model
    plural = "s" if len(moved) == 1 else ""
    if model:
        text = rich(*agent_names(moved), f" now answer{plural} with {title}, on ", Code(model), ".")
        return (Text(text), Note(rich("Change the model in Latchkey's home, or with ", Code("/byok model"), ".")))
    text = rich(
        *agent_names(moved),
        f" now answer{plural} with {title}. If no model can be picked safely, you will be asked to choose.",
    )
    choose = Button(EDIT_AGENT, "Choose a model", moved[0].id, opens=True)
    return (Text(text), Buttons((choose,)))


def _confirm(key: ProviderKey, agents: Sequence[AgentSpec]) -> Confirm:
    names = ", ".join(agent.name for agent in agents[:5])
    stops = (
        f"{names} can't answer without it."
        if len(agents) <= 5
        else f"{many(len(agents), 'agent')} can't answer without it."
    )
    text = f"“{key.label}” is destroyed here at once. {stops if agents else 'No agent uses it.'}"
    return Confirm("Revoke this key?", text, "Revoke", "Keep it")


def _consequence(agents: Sequence[AgentSpec]) -> Rich:
    if not agents:
        return rich("No agent uses it.")
    return rich(*agent_names(agents), " can't answer without it.")

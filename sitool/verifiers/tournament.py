"""Single elimination among a problem's samples, two at a time."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, ClassVar

from sitool.questions import read_choice
from sitool.records import Outcome, Sample, Score
from sitool.seeds import generator
from sitool.verifiers.asking import Question, ask, asked_of, draw_answers, template_of, who
from sitool.verifiers.base import Court
from sitool.verifiers.mc import McVerifier


@dataclass(slots=True)
class Bracket:
    """The tournament of one problem.

    Attributes:
        samples: In the order in which they were drawn, which is the order of the bracket.
        left: Places of those that are still in it.
        survived: How many rounds each has survived, byes included.
        wins: How many matches each has won.
        byes: Who went on without a match, in some round.
        matches: That were played.
        unread: Of them, without a verdict: the first of the two then goes on.
    """

    samples: list[Sample]
    left: list[int]
    survived: list[int]
    wins: list[int]
    byes: set[int] = field(default_factory=set)
    matches: int = 0
    unread: int = 0

    @classmethod
    def of(cls, samples: list[Sample]) -> "Bracket":
        """Begin with all samples of a problem."""
        count = len(samples)
        return cls(samples, list(range(count)), [0] * count, [0] * count)

    @property
    def rounds(self) -> int:
        """How many rounds it takes to leave one."""
        return math.ceil(math.log2(len(self.samples)))

    def pairs(self) -> list[tuple[int, int]]:
        """Return who meets whom in the next round; the last of an odd number has a bye."""
        return list(zip(self.left[::2], self.left[1::2], strict=False))

    def play(self, winners: Sequence[int | None]) -> None:
        """Take in the winners of `pairs()`; None: there is no verdict."""
        pairs = self.pairs()
        through = [first if w is None else w for (first, _), w in zip(pairs, winners, strict=True)]
        self.matches += len(pairs)
        self.unread += sum(winner is None for winner in winners)
        for place in through:
            self.wins[place] += 1
        if len(self.left) % 2:
            through.append(self.left[-1])
            self.byes.add(self.left[-1])
        for place in through:
            self.survived[place] += 1
        self.left = through


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Two samples of a bracket, by their places, that meet in a round."""

    bracket: Bracket
    first: int
    second: int


Compare = Callable[[Sequence[Match]], list[int | None]]


def elected(match: Match, votes: Sequence[int]) -> int | None:
    """Return the place with more votes, the first of equals; None: there is no vote."""
    if not votes:
        return None
    return match.second if 2 * votes.count(match.second) > len(votes) else match.first


class TournamentVerifier:
    """Scores a sample by the share of the bracket's rounds that it survives.

    Of n samples n - 1 pairs are compared. Where the settings have no prompt for a
    pair, each sample is asked about alone, and the higher `mc` wins.

    Source: the tournament verifier (Song et al., "Mind the Gap", ICLR 2025).
    """

    name: ClassVar[str] = "tournament"
    source: ClassVar[str] = "judge"
    needs_model = True
    compares = True

    def __init__(self, court: Court) -> None:
        self._court = court
        self._template = template_of(court.settings, "tournament")
        self.writes = bool(self._template)

    @property
    def asked(self) -> Mapping[str, Any]:
        """Who is asked, and how."""
        kind = "tournament" if self._template else "mc"
        return asked_of(self._court, kind, writes=self.writes)

    def judge(self, samples: Sequence[Sample]) -> list[Score]:
        """Play the tournaments of all problems beside each other, round by round.

        Raises:
            SamplerError: The sampler cannot go on.
        """
        groups = groupby(samples, key=lambda sample: (sample.role, sample.position))
        brackets = [Bracket.of(list(group)) for _, group in groups]
        compare = self._compared if self._template else self._by_beliefs(samples)
        while any(len(bracket.left) > 1 for bracket in brackets):
            playing = [bracket for bracket in brackets if len(bracket.left) > 1]
            winners = iter(compare([Match(b, *pair) for b in playing for pair in b.pairs()]))
            for bracket in playing:
                bracket.play([next(winners) for _ in bracket.pairs()])
        return [score for bracket in brackets for score in self._scores(bracket)]

    def _by_beliefs(self, samples: Sequence[Sample]) -> Compare:
        """Return a comparison by what the model believes of each sample alone."""
        scores = McVerifier(self._court).judge(samples)
        values = {s.id: score.value for s, score in zip(samples, scores, strict=True)}

        def compare(matches: Sequence[Match]) -> list[int | None]:
            return [self._likelier(match, values) for match in matches]

        return compare

    def _likelier(self, match: Match, values: Mapping[int, float | None]) -> int | None:
        samples = match.bracket.samples
        found = (values[samples[place].id] for place in (match.first, match.second))
        one, other = (-1.0 if value is None else value for value in found)
        if one == other == -1:
            return None
        return match.second if other > one else match.first

    def _compared(self, matches: Sequence[Match]) -> list[int | None]:
        """Let the model compare pairs; the more of its readable verdicts decide."""
        asked = [(match, *turn) for match in matches for turn in self._turns(match)]
        drawn = iter(draw_answers(self._court, [q for *_, q in asked if isinstance(q, Question)]))
        votes: dict[Match, list[int]] = {}
        for match, places, question in asked:
            texts = next(drawn) if isinstance(question, Question) else []
            read = [choice for text in texts if (choice := read_choice(text))]
            votes.setdefault(match, []).extend(places["AB".index(choice)] for choice in read)
        return [elected(match, votes[match]) for match in matches]

    def _turns(self, match: Match) -> Iterator[tuple[tuple[int, int], Question | Score]]:
        """Ask about a pair in both orders, so that no place at the front is an advantage.

        The verifications take turns; which order comes first is drawn. Yields the
        places that are shown as A and B.
        """
        samples, one, other = match.bracket.samples, match.first, match.second
        seed, first = self._court.settings.seed, samples[one]
        place = (first.role, first.position, first.index, samples[other].index)
        path = (seed, first.round, "judge", self._court.name, *place)
        turn = generator(*path, "order").randrange(2)
        count = self._court.settings.judge.verifications
        for places in ((one, other), (other, one)):
            numbers = tuple(range(count))[turn::2]
            turn = 1 - turn
            if numbers:
                yield places, self._question([samples[place] for place in places], path, numbers)

    def _question(
        self, pair: Sequence[Sample], path: tuple[str | int, ...], numbers: tuple[int, ...]
    ) -> Question | Score:
        fields = dict(zip(("first", "second"), (s.completion.text for s in pair), strict=True))
        asked = ask(self._court, self._template, pair, fields, ("A", "B"))
        if not isinstance(asked, Question):
            return asked
        return replace(asked, path=path, numbers=numbers)

    def _scores(self, bracket: Bracket) -> list[Score]:
        """Return the scores of a problem whose tournament is over."""
        if bracket.matches and bracket.unread == bracket.matches:
            said = f"None of the problem's {bracket.matches} comparisons could be read."
            return [Score(Outcome.UNPARSED, explanation=said)] * len(bracket.samples)
        return [self._placed(bracket, place) for place in range(len(bracket.samples))]

    def _placed(self, bracket: Bracket, place: int) -> Score:
        rounds, survived = bracket.rounds, bracket.survived[place]
        if not rounds:
            return Score(Outcome.SCORED, 1.0, explanation="It is the problem's only sample.")
        wins, bye = bracket.wins[place], " and had a bye" if place in bracket.byes else ""
        said = (
            f"{who(self._court)} let it win {wins} match{'es' * (wins != 1)}{bye}: it survived"
            f" {survived} of {rounds} rounds, in {bracket.matches} comparisons of the problem."
        )
        if bracket.unread:
            said += f" {bracket.unread} could not be read, and the first of the two went on."
        return Score(Outcome.SCORED, survived / rounds, explanation=said)

"""When to look: early, because what is fatal shows at once, and then as time allows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chainrule.doctor.accounts import Account, Accounts

SHARE = 0.02  # of the time of the training: of all that the doctor does, but for trials
GLANCES = 0.002  # of it, of glances
LISTENING = 0.003  # of it, of what may still be heard
EARLY = (0, 8, 24, 44)  # steps of the first looks: what is fatal is said within 50 steps
SOON = 17  # steps, at most, after a look at which something was suspicious
LITTLE = 0.006  # seconds after which early looks are made only as time allows
LONGEST_PAUSE = 200  # steps between two looks
SHORTEST_WAIT, LONGEST_WAIT = 4, 64  # steps until what is due is asked for again
RARELY = 8  # steps so far over that
LIGHTER = 0.8  # a glance by a look, at most
EAGER, COMPILED = 2.0, 1.25  # growth of the number of steps from one look to the next
MOST_CLOSE = 12  # looks at compiled steps that are made as long as nothing is learned
MOST_ALARMS = 3  # looks that glances and losses may call for
REVIEWS = 1600  # times what a review takes, that pass until evaluations call for the next


class Schedule:
    """Chooses the steps to look at, and keeps account of the time that takes.

    Args: first: the number of the first step.

    Notes: the first look is made in any case; so are the other early ones at eager steps. At
        compiled ones they are made as long as the loss has not fallen clearly: the last of them
        in any case, those before if all took little so far. So are some later ones. All others
        are made where looks take no more than their part of the time, one at the end too. What
        a look from inside takes, and one that runs the step once more, is known apart. Glances
        have a part of their own.
    """

    def __init__(self, first: int) -> None:
        self.first = first
        self._accounts = Accounts()
        self.looking = Account(self._accounts)
        self.glancing = Account(self._accounts)
        self.trying = Account(self._accounts)  # remedies, when something was found
        self.hearing = Account(self._accounts)  # what is told of steps and evaluations
        self.is_over = False  # there are no more looks
        self._must = True  # the next look is made whatever it costs
        self._last = first - 1  # the step of the last look
        self._next = first
        self._next_glance = first + 1
        self._glance_cost = 0.0  # seconds of the last glance; before the first, what it may be
        self._glanced = 0.0  # when it began, what they had cost
        self._alarms = 0
        self._reviewed = -math.inf  # when all checks were gone through last
        self._review_costs = 0.0, 0.0  # seconds of the last two times
        self._made = self._followed = 0  # looks, and those that another one followed soon
        self._growth = EAGER
        self._is_inside = False  # the look that goes on, or comes next
        self._costs: dict[bool, float] = {}  # seconds of the last look, by that
        self._before = 0.0  # seconds of looking before this look
        self._started = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since the watch began."""
        return max(time.perf_counter() - self._started, 1e-9)

    @property
    def glanced(self) -> float:
        """Seconds of glances; these are so short that only work counts."""
        return self.glancing.work

    @property
    def taken(self) -> float:
        """Seconds that the doctor took, trials included."""
        return self.used + self.glanced + self.trying.seconds

    @property
    def used(self) -> float:
        """Those of looking and hearing."""
        return self.looking.seconds + self.hearing.seconds

    @property
    def share(self) -> float:
        """The part of that which the doctor took."""
        return self.taken / self.elapsed

    def is_due(
        self,
        step: int,
        is_extra: bool,
        is_learning: Callable[[], bool],
        is_inside: bool = False,
    ) -> bool:
        """Whether to look at a step.

        Args:
            is_extra: it is compiled, so that looking takes time of its own.
            is_learning: the loss has fallen clearly.
            is_inside: it is seen from inside, and not run once more.
        """
        if not self.is_near(step):
            return False
        self._is_inside = is_inside
        self._growth = COMPILED if is_extra else EAGER
        late = self.first + EARLY[-1]
        if self._must or (self._last < late <= step and not is_learning()):
            return True
        if not is_extra and step <= late:
            return True
        few = not is_extra or self._made < 2  # of the compiled ones the first is the slowest
        if self._is_affordable(1 if few else 2):
            return True
        cheap = self.looking.work <= LITTLE if step <= late else self._made < MOST_CLOSE
        return cheap and not is_learning()

    def is_near(self, step: int) -> bool:
        """Whether the step is there at which the next look may be made."""
        return step >= self._next and not self.is_over

    def pause(self, step: int, is_learning: bool) -> int:
        """For how many steps from this one on nothing can be due.

        Notes: what is due and waits for time to be spared is asked for once in a while; the
            last early look, which may be made whatever it costs, at its step.
        """
        if self.is_over:
            return LONGEST_PAUSE
        done, late = step - self.first, self.first + EARLY[-1]
        look, glance = self._next - step, self._next_glance - step
        if look < 0:
            wait = min(LONGEST_WAIT, max(SHORTEST_WAIT, done // RARELY))
            wait = LONGEST_WAIT if is_learning else wait
            look = 0 if self._must else min(wait, late - step) if step <= late else wait
        if glance < 0:
            missing = (self.glanced + self._glance_cost) / GLANCES - self.elapsed
            glance = math.ceil(missing / self.elapsed * done)
        return max(0, min(look, glance, LONGEST_PAUSE))

    def is_due_at_end(self, step: int, must: bool) -> bool:
        """Whether to look at what the training has come to; for that, it is run once more."""
        self._is_inside = False
        return self._last < step and not self.is_over and (must or self._is_affordable(1))

    def _is_affordable(self, looks: int) -> bool:
        """Whether there is time for so many more; not where all that is known is that those
        from inside take less."""
        unknown = math.inf if self._costs and not self._is_inside else 0.0
        used = self.used + looks * self._costs.get(self._is_inside, unknown)
        return used <= (SHARE - GLANCES - 1 / REVIEWS - LISTENING) * self.elapsed

    def begins(self, step: int) -> None:
        """A look at a step begins."""
        self._accounts.count()
        self._before, self._last, self._must = self.looking.seconds, step, False

    def ends(self) -> None:
        """It is over."""
        self._accounts.count()
        self._costs[self._is_inside] = cost = self.looking.seconds - self._before
        if self._is_inside and not self.glanced:
            self._glance_cost = LIGHTER * cost
        done = self._last - self.first
        early = next((step for step in EARLY if step > done), None)
        self._made += 1
        later = self._after(self._last, self._growth, least=1)
        self._next = later if early is None else self.first + early

    def follow(self) -> None:
        """What the last look has shown is a fault if it is seen again: look again soon."""
        self._followed += 1
        self.hasten(min(self._next, self._last + SOON))

    def hasten(self, step: int) -> None:
        """Look at a step, whatever it costs."""
        self._next, self._must = step, True

    def is_glance_due(self, step: int) -> bool:
        """Whether to glance at a step."""
        if step < self._next_glance or self.is_over:
            return False
        return self.glanced + self._glance_cost <= GLANCES * self.elapsed

    def glanced_at(self, step: int, is_alarming: bool, is_lost: bool = False) -> None:
        """A glance is over.

        Args:
            is_alarming: a look should follow as soon as there is time for one.
            is_lost: at once, whatever it costs, as numbers are not finite.
        """
        self._glance_cost, self._glanced = self.glanced - self._glanced, self.glanced
        self._next_glance = self._after(step, COMPILED, least=2)
        if is_alarming and self._alarms < MOST_ALARMS:
            self._alarms += 1
            self._next = step + 1
            self._must |= is_lost

    @property
    def may_follow(self) -> bool:
        """Whether one more look may be followed by another soon."""
        return self._followed < MOST_CLOSE

    def alarm(self, step: int) -> None:
        """The loss went up again: look at this step, if there is time for it; a few times."""
        if self._alarms < MOST_ALARMS and step > self._last:
            self._alarms += 1
            self._next = min(self._next, step)

    def suspects(self, step: int) -> None:
        """A step shows what is a fault if it is seen for long; a few times that is followed."""
        if self._alarms < MOST_ALARMS:
            self._alarms += 1
            self.hasten(step + SOON)

    def _after(self, step: int, growth: float, least: int) -> int:
        """The step of the next look, or glance, after one."""
        pause = int((growth - 1) * (step - self.first))
        return step + min(LONGEST_PAUSE, max(least, pause))

    @property
    def is_review_due(self) -> bool:
        """Whether going through all checks takes little of the time since the last time."""
        passed = time.perf_counter() - self._reviewed
        return passed >= REVIEWS * min(self._review_costs)

    @contextmanager
    def reviewing(self) -> Iterator[None]:
        """Time in which all checks are gone through; it counts as that of looks."""
        start = time.perf_counter()
        with self.looking:
            yield
        self._reviewed = time.perf_counter()
        self._review_costs = self._review_costs[1], self._reviewed - start

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from localcollab.llama.threads import SPIN_COUNT, ThreadChoice, candidates


def run(choice: ThreadChoice, seconds: Callable[[int, int], float], n: int) -> list[int]:
    """The numbers of threads of `n` decodes that take `seconds(threads, decode)`."""
    used = []
    for at in range(n):
        threads = choice.next()
        used.append(threads)
        choice.add(seconds(threads, at))
    return used


def test_all_half_and_one_are_tried_and_each_once() -> None:
    assert candidates(8) == (8, 4, 1)
    assert candidates(2) == (2, 1)
    assert candidates(1) == (1,)


def test_the_fastest_number_is_used() -> None:
    choice = ThreadChoice((8, 4, 1))
    run(choice, lambda threads, at: {8: 3.0, 4: 1.0, 1: 2.0}[threads], 60)
    assert choice.best == 4


def test_on_an_idle_machine_little_is_spent_on_trials() -> None:
    cost = {2: 1.0, 1: 1.8}
    used = run(ThreadChoice((2, 1)), lambda threads, at: cost[threads], 2000)
    assert sum(cost[threads] for threads in used) <= 1.02 * 2000


def test_a_machine_that_becomes_busy_is_noticed_within_some_tokens() -> None:
    choice = ThreadChoice((2, 1))

    def seconds(threads: int, at: int) -> float:
        return (1.0 if threads == 2 else 1.6) if at < 500 else (8.0 if threads == 2 else 2.0)

    used = run(choice, seconds, 560)
    assert used[490:500] == [2] * 10
    assert used[510:540] == [1] * 30


def test_a_machine_that_becomes_idle_again_is_found_out() -> None:
    choice = ThreadChoice((2, 1))

    def seconds(threads: int, at: int) -> float:
        return (8.0 if threads == 2 else 2.0) if at < 200 else (1.0 if threads == 2 else 1.6)

    run(choice, seconds, 1200)
    assert choice.best == 2


def test_one_number_alone_is_never_left() -> None:
    assert run(ThreadChoice((1,)), lambda threads, at: 1.0, 100) == [1] * 100


@pytest.mark.parametrize(
    ("environment", "spins"),
    [({}, str(SPIN_COUNT)), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "passive"}, None)],
)
def test_spinning_is_bounded_unless_the_user_chose(
    environment: dict[str, str], spins: str | None
) -> None:
    code = "import os; import localcollab.llama.bindings; print(os.environ.get('GOMP_SPINCOUNT'))"
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    found = subprocess.run(
        [sys.executable, "-c", code], env=inherited | environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert found.stdout.strip() == str(spins)

"""Who gets which context, who waits, and what happens when a client goes away."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from localcollab.server.errors import ApiError
from localcollab.server.pool import Pool
from localcollab.server.seats import Seat, Turn
from localcollab.server.shelf import Room
from server_app import EchoModel, FakeSource, client_of, run

LONG = list(range(100))


def with_pool(work: Any, **options: Any) -> Any:
    async def main() -> Any:
        with ThreadPoolExecutor(4) as executor:
            source = FakeSource(EchoModel, n_beside=options.pop("n_beside", 10))
            return await work(Pool(source, Turn(), executor, **options))

    return asyncio.run(main())


def test_a_conversation_comes_back_to_its_own_context() -> None:
    async def work(pool: Pool) -> None:
        one = await pool.take("a", LONG)
        one.cached = LONG
        other = await pool.take("b", [7, *LONG])
        other.cached = [7, *LONG]
        pool.give_back(one)
        pool.give_back(other)
        assert await pool.take("c", [7, *LONG, 8]) is other
        assert await pool.take("c", [*LONG, 9]) is one

    with_pool(work)


def test_the_least_recently_used_context_is_evicted_when_no_more_may_be_opened() -> None:
    async def work(pool: Pool) -> None:
        seats = [await pool.take("a", [n]) for n in range(2)]
        for n, seat in enumerate(seats):
            seat.cached = [n] * 100
        for seat in seats:
            pool.give_back(seat)
            await asyncio.sleep(0.01)
        assert await pool.take("a", [5] * 100) is seats[0]

    with_pool(work, n_seats=2)


def test_memory_that_holds_no_more_contexts_is_not_asked_again() -> None:
    async def work(pool: Pool) -> None:
        seat = await pool.take("a", LONG)
        waiting = asyncio.create_task(pool.take("b", LONG))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        pool.give_back(seat)
        assert await waiting is seat
        assert len(pool.seats) == 1

    with_pool(work, n_beside=0)


def test_a_full_queue_is_a_429_that_says_when_to_come_back() -> None:
    async def work(pool: Pool) -> None:
        await pool.take("a", LONG)
        waiting = [asyncio.create_task(pool.take("a", LONG)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ApiError) as refused:
            await pool.take("a", LONG)
        assert refused.value.status == 429
        assert int(refused.value.headers["Retry-After"]) >= 1
        for each in waiting:
            each.cancel()

    with_pool(work, n_seats=1, n_waiting=2)


def test_who_waits_for_a_context_that_is_being_opened_is_in_no_queue() -> None:
    async def work(pool: Pool) -> None:
        seats = [await pool.take("a", LONG) for _ in range(3)]
        assert len(set(map(id, seats))) == 3
        with pytest.raises(ApiError):
            await pool.take("a", LONG)

    with_pool(work, n_seats=3, n_waiting=0)


def test_who_has_nothing_running_comes_before_who_asked_first() -> None:
    async def work(pool: Pool) -> None:
        seats = [await pool.take("greedy", LONG), await pool.take("modest", LONG)]
        order: list[str] = []

        async def take(client: str) -> None:
            await pool.take(client, LONG)
            order.append(client)

        tasks = [asyncio.create_task(take(client)) for client in ("greedy", "greedy", "new")]
        await asyncio.sleep(0)
        for seat in seats:
            pool.give_back(seat)
        await asyncio.sleep(0)
        assert order == ["new", "greedy"]
        for task in tasks:
            task.cancel()

    with_pool(work, n_seats=2)


def test_who_gives_up_waiting_keeps_nothing() -> None:
    async def work(pool: Pool) -> None:
        seat = await pool.take("a", LONG)
        waiting = asyncio.create_task(pool.take("b", LONG))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        pool.give_back(seat)
        assert pool.is_idle
        assert pool.n_queued == 0

    with_pool(work, n_seats=1)


def test_a_context_that_comes_free_in_the_moment_of_giving_up_is_not_lost() -> None:
    async def work(pool: Pool) -> None:
        seat = await pool.take("a", LONG)
        waiting = asyncio.create_task(pool.take("b", LONG))
        await asyncio.sleep(0)
        waiting.cancel()
        pool.give_back(seat)  # before `waiting` runs again
        await asyncio.gather(waiting, return_exceptions=True)
        assert pool.is_idle
        assert await pool.take("c", LONG) is seat

    with_pool(work, n_seats=1)


def seat_of(model: EchoModel) -> Seat:
    return Seat(FakeSource(lambda: model).team, Turn())


def test_a_short_shared_start_is_read_again() -> None:
    seat = seat_of(EchoModel())
    seat.begin(LONG, reuse=True)
    seat.read(LONG)
    assert seat.begin([*LONG[:63], 1], reuse=True) == 0
    assert seat.cached == []


def test_a_long_shared_start_is_kept() -> None:
    seat = seat_of(EchoModel())
    seat.begin(LONG, reuse=True)
    seat.read(LONG)
    assert seat.begin([*LONG[:80], 1], reuse=True) == 80


def test_a_client_that_wants_no_cache_gets_none() -> None:
    seat = seat_of(EchoModel())
    seat.begin(LONG, reuse=True)
    seat.read(LONG)
    assert seat.begin(LONG, reuse=False) == 0


def test_the_same_prompt_again_begins_with_the_same_reading() -> None:
    model = EchoModel()
    seat = seat_of(model)
    seat.begin(LONG, reuse=True)
    first = seat.read(LONG)
    seat.read([*LONG, 1])
    n_reads = len(model.reads)
    assert seat.begin(LONG, reuse=True) == 100
    assert seat.read(LONG) is first
    assert len(model.reads) == n_reads


def test_what_an_interrupted_read_left_is_not_trusted() -> None:
    model = EchoModel()
    seat = seat_of(model)
    seat.begin(LONG, reuse=True)
    seat.read(LONG)
    model.may_read.clear()

    def stop(done: int, total: int) -> None:
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        seat.read([*LONG[:70], 1, 2], on_chunk=stop)
    assert seat.cached == LONG[:70]


def test_a_client_that_goes_away_during_prefill_frees_its_context() -> None:
    model = EchoModel()

    async def ask() -> None:
        async with client_of(FakeSource(lambda: model), room=Room(n_seats=1)) as client:
            for stream in (False, True):
                model.may_read.clear()
                model.is_reading.clear()
                gone = asyncio.Event()
                body = b'{"messages": [{"role": "user", "content": "x"}], "stream": %s}'
                data = body % (b"true" if stream else b"false")
                asking = asyncio.create_task(
                    client.ask("POST", "/v1/chat/completions", data, {}, gone)
                )
                while not model.is_reading.is_set():
                    await asyncio.sleep(0.005)
                gone.set()
                await asyncio.wait_for(asking, 5)
                assert client.serving.shelf.loaded["echo"].pool.n_running == 0
            model.may_read.set()
            assert (await client.chat("still here")).status == 200

    run(ask())


def test_a_client_that_goes_away_in_the_middle_ends_the_answer() -> None:
    async def ask() -> int:
        async with client_of(room=Room(n_seats=1)) as client:
            gone = asyncio.Event()
            chunks: list[bytes] = []

            def note(chunk: bytes) -> None:
                chunks.append(chunk)
                if len(chunks) == 3:
                    gone.set()

            data = b'{"messages": [{"role": "user", "content": "%s"}], "stream": true}'
            path = "/v1/chat/completions"
            await client.ask("POST", path, data % (b"abcdefgh " * 100), {}, gone, note)
            assert client.serving.shelf.loaded["echo"].pool.n_running == 0
            return len(chunks)

    assert run(ask()) < 500


def test_a_queue_that_is_full_is_told_before_a_stream_begins() -> None:
    model = EchoModel()

    async def ask() -> None:
        model.may_read.clear()
        room = Room(n_seats=1, n_waiting=0)
        async with client_of(FakeSource(lambda: model), room=room) as client:
            first = asyncio.create_task(client.chat("one"))
            while not model.is_reading.is_set():
                await asyncio.sleep(0.005)
            refused = await client.chat("two", stream=True)
            assert refused.status == 429
            assert refused.headers["retry-after"]
            assert refused.error["type"] == "rate_limit_error"
            model.may_read.set()
            assert (await first).status == 200

    run(ask())


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    turn, order = Turn(), list[int]()

    async def main() -> None:
        def take(n: int) -> None:
            with turn.taken():
                order.append(n)

        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(8) as executor, turn.taken():
            tasks = []
            for n in range(5):
                tasks.append(loop.run_in_executor(executor, take, n))
                while len(turn._waiting) <= n:
                    await asyncio.sleep(0.001)
        await asyncio.gather(*tasks)

    # The executor is left while the turn is held no longer.
    asyncio.run(main())
    assert order == list(range(5))

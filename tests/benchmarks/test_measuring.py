"""The workers and what drives them, on recurra itself: that they answer, not how fast."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest
from benchmarks.bench import chosen, memory_of
from benchmarks.cases import CASES, MODES, Case
from benchmarks.limits import Load, machine
from benchmarks.measuring import Effort, measure, summarize
from benchmarks.peers import PEERS, Peer
from benchmarks.processes import Failed, LeftOut, Pool, missing
from benchmarks.series import WAYS, measure_series
from benchmarks.targets import TARGETS

from recurra.engines import available

TINY = Case("tiny", 2, 3, 2, 4, 1, 3, "as small as possible", classes=True)
EFFORT = Effort(seconds=0.0, burst=1e-4, patience=60.0, prepare=60.0)
OWN = PEERS["recurra"]


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool() as pool:
        yield pool


@pytest.mark.parametrize("mode", MODES)
def test_recurra_is_measured(pool: Pool, mode: str) -> None:
    worker = pool.get(OWN)
    worker.prepare(mode, TINY.to_dict(), EFFORT.prepare)
    assert worker.run(3, EFFORT.patience) > 0


def test_bursts_go_round(pool: Pool) -> None:
    other = Peer("other", "own", {"threads": 1})
    found = measure(pool, [OWN, other], "predict", TINY, EFFORT)
    assert list(found) == ["recurra", "other"]
    for result in found.values():
        assert result["bursts"] >= 3
        assert 0 < result["low"] <= result["median"] <= result["high"]


class Scripted:
    """Stands for the pool and its workers: a peer takes as long as its settings say, and the bursts are noted."""

    def __init__(self) -> None:
        self.bursts: list[str] = []

    def get(self, peer: Peer) -> Scripted:
        worker = Scripted()
        worker.bursts, worker.name, worker.seconds = self.bursts, peer.name, peer.settings["seconds"]
        return worker

    def prepare(self, *_: object) -> None:
        pass

    def run(self, steps: int, patience: float) -> float:
        return self.seconds

    def timed(self, steps: int, patience: float) -> dict[str, float]:
        self.bursts.append(self.name)
        return {"seconds": self.seconds}

    name: str
    seconds: float


def test_few_bursts_are_spread_over_the_time_of_many() -> None:
    seconds = {"fast": 1e-5, "middle": 0.3, "slow": 0.9, "slowest": 2.0}
    pool = Scripted()
    peers = [Peer(name, "own", {"seconds": each}) for name, each in seconds.items()]
    found = measure(pool, peers, "predict", TINY, Effort(seconds=1.8, burst=0.1))  # type: ignore[arg-type]
    assert {name: result["bursts"] for name, result in found.items()} == {
        "fast": 18,
        "middle": 6,
        "slow": 3,
        "slowest": 2,
    }
    assert found["fast"]["steps"] == 10_000
    for name in ("middle", "slow", "slowest"):
        places = [place for place, who in enumerate(pool.bursts) if who == name]
        assert places[-1] >= len(pool.bursts) - 4
        gaps = [after - before for before, after in pairwise(places)]
        assert max(gaps) <= min(gaps) + 4


def test_nobody_always_comes_first() -> None:
    pool = Scripted()
    peers = [Peer(name, "own", {"seconds": 0.2}) for name in ("one", "other")]
    measure(pool, peers, "predict", TINY, Effort(seconds=4.0, burst=0.1))  # type: ignore[arg-type]
    assert {frozenset(pool.bursts[i : i + 2]) for i in range(0, 40, 2)} == {frozenset(("one", "other"))}
    assert set(pool.bursts[::2]) == {"one", "other"}


@pytest.mark.skipif("native" not in available(), reason="only the native engine has a clock")
@pytest.mark.parametrize("mode", MODES)
def test_phases_are_parts_of_a_step(pool: Pool, mode: str) -> None:
    peer = OWN.by_phase()
    found = measure(pool, [OWN, peer], mode, TINY, EFFORT)
    assert set(found["recurra"]) == {"median", "low", "high", "bursts", "steps"}
    shares = found[peer.name]["shares"]
    assert found[peer.name]["clock"] > -1
    trains = mode in ("train_step", "fit")
    assert {"gather", "forward lstm", "forward dense"} <= set(shares)
    for name in ("backward lstm", "update"):
        assert (shares[name] > 0) is trains
    assert 0 < sum(shares.values()) <= 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what its cores do")
def test_others_are_seen_beside_this_process() -> None:
    load = Load()
    end = monotonic() + 0.3
    while monotonic() < end:
        pass
    own = load.others()
    assert set(own) == {"busy", "stolen"}
    assert 0 <= own["busy"] <= machine()["cores"]


def test_a_broken_peer_is_a_row_and_no_end(pool: Pool) -> None:
    broken = Peer("broken", "no_such_module")
    found = measure(pool, [broken, OWN], "predict", TINY, EFFORT)
    assert "no_such_module" in found["broken"]["failed"]
    assert found["recurra"]["median"] > 0


def test_an_error_in_a_worker_is_an_answer(pool: Pool) -> None:
    wrong = {**TINY.to_dict(), "cell": "Nothing"}
    with pytest.raises(Failed, match="ValueError: The case 'tiny' needs"):
        pool.get(OWN).prepare("predict", wrong, 60)
    with pytest.raises(Failed, match="nothing was prepared"):
        pool.get(OWN).run(1, 60)


def test_what_a_peer_lacks_is_left_out(pool: Pool) -> None:
    with pytest.raises(LeftOut, match="no mode 'dance'"):
        pool.get(OWN).prepare("dance", TINY.to_dict(), 60)


def test_a_slow_peer_is_left_out_and_its_process_ended(pool: Pool) -> None:
    peer = Peer("slow", "own")
    process = pool.get(peer)._process
    found = measure(pool, [peer], "train_step", CASES["big512"], Effort(patience=1e-4))
    assert "one step takes longer" in found["slow"]["left_out"]
    assert process.poll() is not None


def test_a_dead_worker_is_a_failure_and_the_next_one_works() -> None:
    with Pool() as pool:
        worker = pool.get(OWN)
        worker._process.kill()
        assert "ended with code" in measure(pool, [OWN], "predict", TINY, EFFORT)["recurra"]["failed"]
        assert measure(pool, [OWN], "predict", TINY, EFFORT)["recurra"]["median"] > 0
        process = pool.get(OWN)._process
    assert process.poll() is not None


def test_what_is_not_installed_is_said() -> None:
    assert missing(Peer("x", "x", packages=("no-such-package",))) == "no-such-package is not installed"
    assert missing(OWN) is None


def test_memory_of_training() -> None:
    found = memory_of(OWN, TINY, EFFORT)
    assert 0 < found["before"] <= found["peak"]


@pytest.mark.parametrize("way", [way for way in WAYS if way[0].startswith("own")])
def test_training_on_a_series(way: tuple[str, str]) -> None:
    (row,) = measure_series(2000, 2, timeout=60, ways={way: WAYS[way]})
    assert row["series"] == 8000
    assert row["peak"] >= row["before"]
    assert row["first"] > 0
    assert row["step"] > 0


def test_summaries() -> None:
    assert summarize([3.0, 1.0, 2.0], steps=5) == {"median": 2.0, "low": 1.5, "high": 2.5, "bursts": 3, "steps": 5}
    assert summarize([1.0])["high"] == 1.0


def test_names_on_the_command_line() -> None:
    assert chosen("torch 1 thread, recurra", list(PEERS), "peer") == ["torch 1 thread", "recurra"]
    assert chosen(None, ["a", "b"], "case") == ["a", "b"]
    with pytest.raises(SystemExit, match="There is no case 'x'. Known: a."):
        chosen("x", ["a"], "case")


def test_every_peer_has_its_worker_and_every_target_its_peers() -> None:
    folder = Path(__file__).parents[2] / "benchmarks" / "peers"
    for peer in PEERS.values():
        assert (folder / (peer.module if peer.node else f"{peer.module}.py")).exists()
        assert set(peer.modes) <= set(MODES)
    for target in TARGETS:
        assert {target.own, *(target.against or ())} <= set(PEERS)
        assert set(target.ratios) <= set(CASES)
        assert target.mode in MODES

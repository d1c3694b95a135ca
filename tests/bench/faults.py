"""Reads of the cache while something is wrong against reads beside the same
clients while nothing is, and how soon state is true after it; the rounds are
those of the api tier (tests/overload.py)."""

import statistics

import overload
import rig
from crowd import replica
from maker import Maker

MANY = 10000
BODY = {"file": f"{rig.JOBS_URI}/lines.py", "args": ["1"]}


def show(name, rounds):
    """The median of rounds, and the worst of them."""
    def of(get, scale=1):
        values = [scale * get(r) for r in rounds]
        return f"{statistics.median(values):9.2f}{max(values):8.2f}"
    p99 = of(lambda r: r.reader.p99, 1000)
    print(f"  {name:26}{p99}{of(lambda r: r.slower)}"
          f"{of(lambda r: r.true_after)}", flush=True)


def without_operator(maker):
    """A cluster where what is created stays as it is, a gateway, a batch."""
    cluster = maker.cluster()
    cluster.localspark.stop()
    gateway = replica(maker, cluster, **overload.POOL)
    return cluster, gateway, gateway.submit(BODY)["id"]


def run(folder, ca, count):
    maker = Maker(folder, ca)
    try:
        print(f"\nreads beside 12 writers while something is wrong; median "
              f"and worst of {count} rounds\n  {'':26}{'p99 ms':>17}"
              f"{'x as long':>17}{'true after s':>17}", flush=True)
        cluster, gateway, batch = without_operator(maker)
        what = [(name, overload.fault, name) for name in overload.FAULTS] + [
            ("API server restarts", overload.restarts),
            ("watcher is killed", overload.kills)]
        for name, *how in what:
            rounds = []
            for _ in range(count):
                rounds.append(overload.round_of(
                    cluster, gateway, batch, BODY, *how))
                overload.clear(cluster, gateway, batch)
            show(name, rounds)
        other = without_operator(maker)[1:]
        many = without_operator(maker)
        overload.fill(*many, MANY)
        for name, *how in (
                (f"{MANY} listed anew", overload.relists),
                ("  their pages break off", overload.relists,
                 overload.NEXT_PAGES_BREAK)):
            show(name, [overload.round_of(*many, BODY, *how)
                        for _ in range(count)])
        show("a burst of 1,000 POSTs", [overload.burst(
            (gateway, batch), other, BODY) for _ in range(count)])
    finally:
        maker.end()

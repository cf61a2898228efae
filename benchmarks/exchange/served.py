"""An exchange with a long past and future on a free port, for streams: `python -m benchmarks.exchange.served`."""

from __future__ import annotations

from benchmarks.exchange import scene
from thunes.simulator.server.host import Host


def main() -> None:
    """Serve until a signal comes; the port is the first line of stdout."""
    host = Host(scene.local(scene.candles(scene.MANY)).parts)
    print(host.address.rpartition(":")[2], flush=True)
    host.serve_until_stopped()


if __name__ == "__main__":
    main()

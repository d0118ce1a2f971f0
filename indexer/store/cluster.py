"""A ledger is of one cluster: Drift and GMX have the same program ids on several."""

from __future__ import annotations

from indexer.errors import ClusterMismatch


def check_cluster(bound: tuple[str, str], asked: tuple[str, str]) -> None:
    """Raises ClusterMismatch unless both (genesis hash, name) are of one cluster."""
    if bound[0] != asked[0]:
        raise ClusterMismatch(
            f"the ledger is of cluster {bound[1]} (genesis {bound[0]}), not of {asked[1]} (genesis {asked[0]})",
            remedy="use another database for this cluster (DATABASE_URL or PERPS_DATA_DIR), or the right cluster",
        )

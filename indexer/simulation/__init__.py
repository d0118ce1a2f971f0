"""A cluster in a box: a chain, servers of nodes, market activity, faults. Only commands and tests import it."""

"""The cluster in a box: is it one, and do its faults strike."""

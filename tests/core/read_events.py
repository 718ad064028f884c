"""Prints the scalars that TensorBoard sees in the event files of a folder: tag, step and value.

Usage: read_events.py FOLDER. One line a value, in TensorBoard's order.
"""

import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

accumulator = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
accumulator.Reload()
for tag in accumulator.Tags()["scalars"]:
    for event in accumulator.Scalars(tag):
        print(tag, event.step, repr(event.value))

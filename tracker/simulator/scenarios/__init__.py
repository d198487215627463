"""The seven scenarios: one parcel each, played minute by minute, with people who do exactly what the story says."""

from tracker.simulator.scenarios.stories import STORIES, Story, play

__all__ = ["STORIES", "Story", "play"]

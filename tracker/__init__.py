"""Courier delivery-incident tracker: reads what carriers say, and holds whoever promised something to it."""

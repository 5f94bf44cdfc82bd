"""Sensors: their time, and recordings of what they sent."""

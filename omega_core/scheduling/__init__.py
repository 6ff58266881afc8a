"""Schedules: when jobs run by themselves, and who lets them."""

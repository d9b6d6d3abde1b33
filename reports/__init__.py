"""Reporters: from records and verdicts to what a person, a CI system or a program reads."""

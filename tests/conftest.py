"""Definitions of the Hypothesis profiles. The option ``--hypothesis-profile`` of pytest selects one."""

from __future__ import annotations

from hypothesis import settings

# No deadline for an example, since tests do not depend on time.
settings.register_profile("quick", max_examples=10, deadline=None)
settings.register_profile("normal", max_examples=100, deadline=None)
settings.register_profile("thorough", max_examples=2_000, deadline=None)
settings.load_profile("normal")

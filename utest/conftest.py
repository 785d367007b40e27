# SPDX-License-Identifier: GPL-2.0-or-later
"""Lets the tests of every folder import what they share (common, tracefs)."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

"""Tests: `cd desktops/java && python3 -B -m unittest discover -t . -s assemble`."""

"""`python -m sensor`: the same as `otoscope`."""

from sensor.cli import main

if __name__ == "__main__":
    main(prog_name="otoscope")

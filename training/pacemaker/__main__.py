"""`python -m training.pacemaker`."""

from training.pacemaker.train import main

if __name__ == "__main__":
    main()

"""`python -m training.beats`."""

from training.beats.train import main

if __name__ == "__main__":
    main()

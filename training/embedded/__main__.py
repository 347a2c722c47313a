"""`python -m training.embedded`."""

from training.embedded.train import main

if __name__ == "__main__":
    main()

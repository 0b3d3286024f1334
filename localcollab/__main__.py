"""`python -m localcollab`: the command line."""

from localcollab.cli.main import main

if __name__ == "__main__":
    main()

"""`python -m archlang` is `archlang`."""

from archlang.cli.main import main

if __name__ == "__main__":
    main()

"""When what died is started again: at once after a good run, else after a pause that doubles. Nothing here imports Django."""

SETTLED_SECONDS = 30  # a program that ran this long starts afresh at once when it dies
LONGEST_PAUSE = 30


class Respawn:
    """Counts the deaths of one program, and says how long to wait before it is started again."""

    def __init__(self) -> None:
        self.deaths = 0

    def pause_after(self, lived: float) -> int:
        """Count one more death, after a life of so many seconds; give the pause in seconds: 0, 1, 3, 7 … 30."""
        if lived > SETTLED_SECONDS:
            self.deaths = 0
        pause = min(2**self.deaths - 1, LONGEST_PAUSE)
        self.deaths = min(self.deaths + 1, LONGEST_PAUSE)
        return pause

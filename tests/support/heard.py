"""What a trainer says, kept for a look."""

from chainrule.train import Callback


class Heard(Callback):
    """Takes what the trainer says; keeps nothing."""

    def __init__(self):
        self.lines = []

    def say(self, trainer, text):
        self.lines.append(text)
        return True

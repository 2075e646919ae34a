"""The journal: the one file through which a training speaks to its report."""

from chainrule.journal.reading import JOURNAL, VERSION, read_journal
from chainrule.journal.writing import Journal

__all__ = ["JOURNAL", "VERSION", "Journal", "read_journal"]

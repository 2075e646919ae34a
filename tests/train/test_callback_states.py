"""Going on with other callbacks than before: each takes up what one of its kind had kept."""

import pytest
from heard import Heard

import chainrule as cr
from chainrule import nn
from chainrule.errors import RunError
from chainrule.train import Callback, Checkpoint, EarlyStopping, History, Trainer
from chainrule.train.callback_states import states_of, take_up
from chainrule.utils.data import DataLoader, TensorDataset


class Counting(Callback):
    """Keeps a number."""

    def __init__(self, number=0):
        self.number = number

    def epoch_ends(self, trainer):
        self.number += 1

    def state_dict(self):
        return {"number": self.number}

    def load_state_dict(self, state):
        self.number = state["number"]


def trainer(*callbacks, epochs=2):
    cr.manual_seed(0)
    x = cr.linspace(-1, 1, 16).reshape(16, 1)
    model = nn.Linear(1, 1)
    return Trainer(
        model,
        nn.MSELoss(),
        cr.optim.SGD(model.parameters(), lr=0.1),
        DataLoader(TensorDataset(x, 2 * x), batch_size=4, shuffle=True),
        epochs=epochs,
        callbacks=callbacks,
        compile=False,
    )


def older(state):
    """As it was written before the kinds of callbacks were."""
    return state | {"callbacks": [entry["state"] for entry in state["callbacks"]]}


@pytest.mark.parametrize("form", [dict, older])
def test_the_order_of_callbacks_may_change_and_more_may_come(form):
    t = trainer(EarlyStopping(None, "train_loss"), Counting())
    t.fit()
    heard = Heard()
    again = trainer(heard, Counting(), EarlyStopping(None, "train_loss"), epochs=3)
    again.load_state_dict(form(t.state_dict()))
    assert again.callbacks[1].number == 2
    assert again.callbacks[2].best_epoch == 2
    assert heard.lines == []  # what keeps nothing is not missed
    again.fit()
    assert again.callbacks[1].number == 3


@pytest.mark.parametrize("form", [dict, older])
def test_a_new_one_begins_with_nothing_and_that_is_said(form):
    t = trainer()
    t.fit()
    heard, counting = Heard(), Counting(7)
    trainer(heard, counting).load_state_dict(form(t.state_dict()))
    assert counting.number == 7
    assert heard.lines == ["resumed: Counting is new to this training, and begins with nothing"]


def test_what_one_that_is_gone_had_kept_is_left_out_and_that_is_said(capsys):
    t = trainer(Counting(), EarlyStopping(None, "train_loss"))
    t.fit()
    again = trainer(EarlyStopping(None, "train_loss"))
    again.load_state_dict(t.state_dict())
    assert again.callbacks[0].best_epoch == 2
    said = "resumed: what Counting had kept is left out, as no such callback is here\n"
    assert capsys.readouterr().err == said
    again = trainer(EarlyStopping(None, "train_loss"))
    again.load_state_dict(older(t.state_dict()))
    assert again.callbacks[0].best_epoch == 2
    assert "what a callback with number had kept" in capsys.readouterr().err


def test_several_of_a_kind_stay_in_order():
    states = states_of([Counting(1), Counting(2)])
    callbacks = [Counting(), Heard(), Counting()]
    assert take_up(callbacks, states) == []
    assert [callbacks[0].number, callbacks[2].number] == [1, 2]


def test_states_of_an_older_version_go_by_place_where_there_are_as_many():
    first, second = Counting(), Counting()
    assert take_up([first, second], [{"number": 5}, {"number": 6}]) == []
    assert (first.number, second.number) == (5, 6)


def test_a_callback_that_cannot_take_its_state_up_changes_nothing():
    t = trainer(Counting())
    t.fit()
    state = t.state_dict()
    state["callbacks"] = [{"kind": "Counting", "state": {"amount": 3}}]
    again = trainer(Counting())
    with pytest.raises(RunError, match="CR807"):
        again.load_state_dict(state)
    assert again.epoch == again.callbacks[0].number == 0


def test_a_run_of_an_older_version_goes_on_though_it_had_no_report(tmp_path):
    def keepers():
        return EarlyStopping(None, "train_loss"), History(tmp_path / "h"), Checkpoint(tmp_path)

    t = trainer(*keepers())
    t.fit()
    heard = Heard()
    best, history, last = keepers()
    again = trainer(best, history, heard, last, epochs=4)
    again.load_state_dict(older(t.state_dict()))
    assert heard.lines == []
    assert last.best_step == 8
    again.fit()
    assert again.epoch == 4

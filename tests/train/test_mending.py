"""What doctor="fix" puts right stays so: when a training goes on from a checkpoint, too."""

import numpy as np
import pytest
from heard import Heard

import chainrule as cr
from chainrule import nn
from chainrule.train import Callback, Checkpoint, Trainer, load_checkpoint
from chainrule.train.checkpoints import checkpoints
from chainrule.utils.data import DataLoader, TensorDataset


class Forecaster(nn.Module):
    """Its recurrent weights multiply a gradient by more than 1 at each step."""

    def __init__(self):
        super().__init__()
        self.recurrent = nn.RNN(1, 16, nonlinearity="relu", batch_first=True)
        self.head = nn.Linear(16, 1)
        nn.init.orthogonal_(self.recurrent.weight_hh_l0)
        with cr.no_grad():
            self.recurrent.weight_hh_l0.mul_(1.6)

    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


def trainer(doctor, *callbacks, epochs, compile=False):
    t = np.arange(290) / 5
    s = np.sin(t).astype(np.float32)
    x, y = np.stack([s[i : i + 50] for i in range(240)])[..., None], s[50:, None]
    cr.manual_seed(0)
    model = Forecaster()
    optimizer = cr.optim.SGD(model.parameters(), 0.01)
    data = DataLoader(TensorDataset(cr.tensor(x), cr.tensor(y)), 16, shuffle=True)
    return Trainer(
        model, nn.MSELoss(), optimizer, data, epochs=epochs, callbacks=callbacks,
        doctor=doctor, compile=compile, engine="reference",
    )  # fmt: skip


def weights(training):
    return {name: x.tolist() for name, x in training.model.state_dict().items()}


@pytest.mark.parametrize("compile", [False, True])
def test_a_clip_is_put_in_and_survives_a_resumed_training(tmp_path, compile):
    heard = Heard()
    whole = trainer("fix", heard, epochs=6, compile=compile)
    whole.fit()
    finding = whole.doctor.findings[0]
    assert (finding.code, finding.remedy, finding.applied) == ("D17", ("clip", 1.0), True)
    assert whole.clip_norm == 1.0
    assert whole.history[-1]["doctor"][0]["code"] == "D17"
    assert not any("taken back" in line for line in heard.lines)
    assert np.isfinite(whole.loss)

    part = trainer("fix", Heard(), Checkpoint(tmp_path), epochs=4, compile=compile)
    part.fit()
    resumed = trainer(False, Heard(), Checkpoint(tmp_path), epochs=6, compile=compile)
    resumed.load_state_dict(load_checkpoint(checkpoints(tmp_path)[-1]))
    assert resumed.clip_norm == 1.0
    resumed.fit()
    assert weights(resumed) == weights(whole)


def test_without_a_doctor_it_explodes_and_has_no_clip():
    plainly = trainer(False, epochs=2)
    plainly.fit()
    assert not np.isfinite(plainly.loss) or plainly.loss > 100
    assert plainly.clip_norm is None
    assert plainly.state_dict()["mended"] == {}


def test_a_clip_that_did_not_help_is_taken_out_again():
    training = trainer("fix", epochs=6)

    class Meddling(Callback):
        """Makes the loss NaN after the change, whatever that was."""

        def step_ends(self, trainer):
            if trainer.mended:
                with cr.no_grad():
                    trainer.model.head.bias.fill_(float("nan"))

    training._listeners["step_ends"].insert(0, Meddling().step_ends)
    training.fit()
    assert training.clip_norm is None
    assert training.mended == {}

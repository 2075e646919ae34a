"""The example draws each picture: as text everywhere, as a figure where matplotlib is."""

import pytest

QUICK = ["neuron_line", "activation_functions", "learning_rates", "optimizer_race_saddle"]


def test_it_draws_in_the_terminal(lesson, capsys):
    lesson.main(["--text", *QUICK])
    printed = capsys.readouterr().out
    assert "2 x₁ − x₂ + 0.5 = 0" in printed
    assert "Sigmoid f′" in printed and "η = 0.3, right" in printed
    assert all(f"\n{name}\n" in printed for name in QUICK)


@pytest.mark.slow
def test_it_draws_all_of_them_in_the_terminal(lesson, capsys):
    lesson.main(["--text"])
    printed = capsys.readouterr().out
    assert all(f"\n{name}\n" in printed for name in lesson.PICTURES)
    assert "overfits after epoch" in printed


def test_it_writes_figures(lesson, tmp_path):
    pytest.importorskip("matplotlib", reason="figures are drawn with matplotlib")
    lesson.main(["--folder", str(tmp_path), "--dpi", "40", *QUICK])
    assert sorted(path.stem for path in tmp_path.glob("*.png")) == sorted(QUICK)


def test_the_reverser_looks_at_the_opposite_end(lesson):
    model, word = lesson.reverser()
    heads = lesson.pictures.attention_weights(model, word).layers["layer.self_attn"]
    assert heads.mean(0)[:, ::-1].diagonal().mean() > 0.8


def test_a_name_that_is_not_there_is_refused(lesson, capsys):
    with pytest.raises(SystemExit):
        lesson.main(["mona_lisa"])
    assert "mona_lisa" in capsys.readouterr().err

"""Will I pass this class: wrong before training, right after it."""

import re

import chainrule as cr


def trained(lesson):
    cr.manual_seed(lesson.SEED)
    model = lesson.network()
    before = lesson.probability_of_passing(model, *lesson.ME)
    return model, before, lesson.train(model)


def test_the_network_has_two_inputs_three_hidden_neurons_and_one_output(lesson):
    shapes = [tuple(p.shape) for p in lesson.network().parameters()]
    assert shapes == [(3, 2), (3,), (1, 3), (1,)]


def test_wrong_before_training_and_right_after_it(lesson):
    model, before, losses = trained(lesson)
    assert before < 0.2
    assert lesson.probability_of_passing(model, *lesson.ME) > 0.95
    assert losses[-1] < 0.05 < losses[0]


def test_every_student_of_other_years_is_judged_right(lesson):
    model, _, _ = trained(lesson)
    for lectures, hours, passed in lesson.STUDENTS:
        assert (lesson.probability_of_passing(model, lectures, hours) > 0.5) == bool(passed)


def test_i_am_not_among_the_students_it_learned_from(lesson):
    assert lesson.ME not in [student[:2] for student in lesson.STUDENTS]


def test_main_prints_before_and_after(lesson, capsys):
    lesson.main()
    printed = capsys.readouterr().out
    before, after = re.findall(r"(?:before|after) training: +([\d.]+)", printed)
    assert float(before) < 0.2
    assert float(after) > 0.95

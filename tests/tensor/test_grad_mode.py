"""Switching the recording of gradients off and on."""

import threading

import chainrule as cr

X = cr.ones(1, requires_grad=True)


def recorded():
    return (X * 2).requires_grad


def test_blocks_nest_and_end():
    assert recorded()
    with cr.no_grad():
        assert not recorded()
        with cr.enable_grad():
            assert recorded()
        assert not recorded()
    assert recorded()


def test_an_error_inside_ends_the_block_too():
    try:
        with cr.no_grad():
            raise KeyError
    except KeyError:
        assert recorded()


def test_inference_mode_records_nothing_and_can_be_asked():
    with cr.inference_mode():
        assert not recorded()
        assert cr.is_inference_mode_enabled()
    with cr.inference_mode(False):
        assert recorded()
    assert not cr.is_inference_mode_enabled()


def test_set_grad_enabled_is_a_call_a_block_and_a_decorator():
    cr.set_grad_enabled(False)
    assert not cr.is_grad_enabled()
    cr.set_grad_enabled(True)
    with cr.set_grad_enabled(False):
        assert not recorded()
    assert cr.is_grad_enabled()
    assert not cr.set_grad_enabled(False)(recorded)()
    assert cr.is_grad_enabled()


def test_decorators_with_and_without_parentheses():
    for decorate in (cr.no_grad, cr.no_grad(), cr.inference_mode, cr.inference_mode()):
        assert not decorate(recorded)()
    with cr.no_grad():
        assert cr.enable_grad()(recorded)()


def test_a_decorated_generator_runs_its_steps_in_the_mode():
    @cr.no_grad()
    def steps():
        yield recorded()
        yield recorded()

    seen = []
    for value in steps():
        seen.append((value, recorded()))
    assert seen == [(False, True), (False, True)]


def test_a_decorated_function_may_call_itself():
    @cr.no_grad()
    def descend(depth):
        return [recorded(), *(descend(depth - 1) if depth else [])]

    assert descend(3) == [False] * 4
    assert recorded()


def test_threads_have_a_mode_of_their_own():
    seen = []
    decorated = cr.no_grad()(recorded)
    with cr.no_grad():
        threads = [threading.Thread(target=lambda: seen.append((recorded(), decorated())))]
        threads += [threading.Thread(target=lambda: seen.append((recorded(), decorated())))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [(True, False)] * 2

import gc

import pytest

from impasto.cli.quick import loading


def broken():
    assert not gc.isenabled()
    raise ImportError("none such")


@pytest.mark.parametrize("on", [True, False])
def test_the_collector_rests_while_modules_load_and_is_as_it_was_behind(on):
    was = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        with pytest.raises(ImportError), loading():
            broken()
        assert gc.isenabled() == on
    finally:
        gc.unfreeze()
        (gc.enable if was else gc.disable)()

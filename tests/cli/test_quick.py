import gc

import pytest

from impasto.cli.quick import loading


@pytest.mark.parametrize("on", [True, False])
def test_the_collector_rests_while_modules_load_and_is_as_it_was_behind(on):
    was = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        with pytest.raises(ImportError), loading():
            assert not gc.isenabled()
            raise ImportError("none such")
        assert gc.isenabled() == on
    finally:
        gc.unfreeze()
        (gc.enable if was else gc.disable)()

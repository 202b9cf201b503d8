"""Tables as pandas has them."""
import unittest

import support

support.needs("numpy", "pandas")
import relprop


class Frames(unittest.TestCase):
    def test_a_ledger_as_a_frame(self):
        ledger = relprop.load(support.MODEL).explain(support.PICTURE, "lrp-epsilon").ledger
        frame = ledger.to_pandas()
        self.assertEqual(list(frame.columns), ledger.columns)
        self.assertEqual(len(frame), len(ledger))
        self.assertAlmostEqual(frame["absorbed"].sum(), sum(ledger.column("absorbed")))
        self.assertEqual(list(relprop.Table().to_pandas().columns), [])

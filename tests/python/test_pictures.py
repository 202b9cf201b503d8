"""Maps as pictures: pixels, PNG, what a notebook shows, and no half of a file."""
import base64
import os
import re
import struct
import zlib

import support

support.needs("numpy")
import numpy as np
import relprop


def decoded(png):
    """Height, width and whether the file is whole: each part's checksum is right."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    place, width, height, last = 8, 0, 0, b""
    while place < len(png):
        (length,), last = struct.unpack(">I", png[place : place + 4]), png[place + 4 : place + 8]
        data = png[place + 8 : place + 8 + length]
        assert zlib.crc32(last + data) == struct.unpack(">I", png[place + 8 + length : place + 12 + length])[0]
        if last == b"IHDR":
            width, height = struct.unpack(">II", data[:8])
        place += 12 + length
    assert last == b"IEND"
    return height, width


class Rendering(support.TemporaryFolderTest):
    @classmethod
    def setUpClass(cls):
        cls.r = relprop.load(support.MODEL).explain(support.PICTURE, "lrp-epsilon")

    def test_the_programs_picture(self):
        for view, zoom in (("heat", 1), ("overlay", 2), ("split", 1), ("panel", 1)):
            out = self.folder / view
            support.program(
                "explain",
                support.MODEL,
                support.PICTURE,
                "-m",
                "lrp-epsilon",
                "--view",
                view,
                "--zoom",
                zoom,
                "--out",
                out,
            )
            (file,) = out.glob("*.png")
            drawn = relprop.render(self.r.relevance, self.r.photo, view, zoom=zoom)
            self.assertEqual(decoded(drawn.png), decoded(file.read_bytes()))
            self.assertEqual(drawn.png, file.read_bytes(), view)

    def test_signs_have_their_colours(self):
        drawn = relprop.render(np.array([[1, 0, -1]], np.float32)).pixels
        self.assertEqual((drawn.shape, drawn.dtype), ((1, 3, 3), np.uint8))
        self.assertGreater(drawn[0, 0, 0], drawn[0, 0, 2])
        self.assertGreater(drawn[0, 2, 2], drawn[0, 2, 0])

    def test_shapes_that_are_taken(self):
        channels = np.random.default_rng(0).normal(size=(3, 8, 6)).astype(np.float32)
        one = relprop.render(channels)
        self.assertEqual(one.pixels.tobytes(), relprop.render(channels[np.newaxis]).pixels.tobytes())
        self.assertEqual(np.asarray(one).shape, (8, 6, 3))
        self.assertEqual(repr(one), "<relprop.Picture 6×8>")
        self.assertEqual(relprop.render(channels, zoom=3).pixels.shape, (24, 18, 3))

    def test_a_photo_lies_under_the_map(self):
        over = relprop.render(self.r.map, self.r.photo)
        self.assertEqual(over.pixels.tobytes(), relprop.render(self.r.map, self.r.photo, "overlay").pixels.tobytes())
        self.assertNotEqual(over.pixels.tobytes(), relprop.render(self.r.map).pixels.tobytes())

    def test_what_a_notebook_shows(self):
        shown = self.r._repr_html_()
        png = base64.b64decode(re.search(r'src="data:image/png;base64,([^"]+)"', shown).group(1))
        self.assertEqual(png, self.r.picture("panel").png)
        self.assertIn(self.r.prediction.label, shown)
        two = relprop.load(support.MODEL).explain([support.PICTURE] * 2, "gradient")._repr_html_()
        self.assertEqual(two.count("<img"), 2)

    def test_a_name_cannot_write_html(self):
        odd = self.folder / "<b>.jpg"
        odd.write_bytes(support.PICTURE.read_bytes())
        self.assertNotIn("<b>", relprop.load(support.MODEL).explain(odd, "gradient")._repr_html_())

    def test_a_name_that_is_no_text_is_shown_as_text(self):
        odd = os.fsencode(self.folder) + b"/n\xff.jpg"
        with open(odd, "wb") as file:
            file.write(support.PICTURE.read_bytes())
        net = relprop.load(support.MODEL)
        r = net.explain(os.fsdecode(odd), "gradient")
        two = net.explain([os.fsdecode(odd)] * 2, "gradient")
        self.assertEqual(r.name, os.fsdecode(odd))
        for text in (str(r), repr(r), r._repr_html_(), str(two), repr(two), two._repr_html_()):
            self.assertIn("/n\\udcff.jpg", text.encode().decode())

    def test_a_file_is_whole_or_not_there(self):
        self.r.picture("heat").save(self.folder / "map.png")
        self.assertEqual(decoded((self.folder / "map.png").read_bytes()), (96, 96))
        with self.assertRaises(relprop.FileWriteFailed):
            self.r.picture().save(self.folder / "no/such/map.png")
        self.assertEqual(os.listdir(self.folder), ["map.png"])

"""Program images for hosts without Python: one array of 32-bit words, which :mod:`lifline.embedded.image` writes and the C driver reads.

Header; for every population its words; for every memory its address, its length and its words; for every register its address and value; the
layouts of populations that have one; at last the CRC-16 (as of frames) over all bytes before, each word little-endian.
"""

IMAGE_MAGIC = int.from_bytes(b"LFPI", "little")

IMAGE_HEADER = (
    ("magic", "constant `LFPI`"),
    ("words", "words of the image, the CRC included"),
    ("interface_version", "of the gateware that runs it"),
    ("config_hash", "of the configuration that it was compiled for"),
    ("multipliers", "neurons per row of the neuron memory"),
    ("input_neurons", "neurons of the input"),
    ("input_depth", "words of the device's input memory"),
    ("output_depth", "words of the device's output memory"),
    ("output", "number of the output population"),
    ("populations", "populations besides the input"),
    ("memories", "memories that are loaded"),
    ("registers", "registers that are written"),
)
"""Words of the header, in their order: name and meaning."""

IMAGE_POPULATION = (
    ("size", "neurons"),
    ("places", "neurons and padding in the hardware"),
    ("layout", "word of the image where the neuron of the first place stands, a word a place; 0: the neuron of a place has its number"),
    ("address", "program address of the population's first word"),
    ("fires", "0 for a read-out, which never fires"),
    ("row_base", "neuron word of its first row"),
    ("row_words", "neuron words per row"),
    ("v", "word of the membrane within a row"),
)
"""Words of every population, in the order of their numbers."""

IMAGE_NO_NEURON = (1 << 32) - 1
"""In a layout: a place without a neuron."""

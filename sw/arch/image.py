"""Program images for hosts without Python: one array of 32-bit words, which :mod:`lifline.embedded.image` writes and the C driver reads.

Header; for every population its words; for every band its words; for every memory its address, its length and its words; for every register its
address and value; the layouts of populations that have one, and the input's; at last the CRC-16 (as of frames) over all bytes before, each word little-endian.
"""

IMAGE_MAGIC = int.from_bytes(b"LFP2", "little")

IMAGE_HEADER = (
    ("magic", "constant `LFP2`"),
    ("words", "words of the image, the CRC included"),
    ("interface_version", "of the gateware that runs it"),
    ("config_hash", "of the configuration that it was compiled for"),
    ("multipliers", "neurons per row of the neuron memory"),
    ("input_neurons", "neurons of the input"),
    ("input_places", "neurons and padding of the input in the hardware"),
    ("input_layout", "word of the image where the place of the first input neuron stands, a word a neuron; 0: a neuron's place has its number"),
    ("input_packed", "input words of a step with a bit per place; 0: it cannot come like this, as input neurons have delays of their own, or the configuration no packed input"),
    ("input_depth", "words of the device's input memory"),
    ("output_depth", "words of the device's output memory"),
    ("output", "number of the output population"),
    ("populations", "populations besides the input"),
    ("bands", "parts of populations that are computed one after the other, all of them together; a population has at least one"),
    ("memories", "memories that are loaded"),
    ("registers", "registers that are written"),
)
"""Words of the header, in their order: name and meaning."""

IMAGE_POPULATION = (
    ("size", "neurons"),
    ("places", "neurons and padding in the hardware"),
    ("layout", "word of the image where the neuron of the first place stands, a word a place; 0: the neuron of a place has its number"),
    ("fires", "0 for a read-out, which never fires"),
)
"""Words of every population, in the order in which the network computes them."""

IMAGE_BAND = (
    ("population", "number of the population that it is a part of"),
    ("first", "the first of its places in the population"),
    ("places", "neurons and padding in the hardware"),
    ("address", "program address of its first population word"),
    ("row_base", "neuron word of its first row"),
    ("row_words", "neuron words per row"),
    ("v", "word of the membrane within a row"),
)
"""Words of every band, in the order of the numbers that records have."""

IMAGE_NO_NEURON = (1 << 32) - 1
"""In a layout: a place without a neuron."""

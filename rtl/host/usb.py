"""USB device at full speed that is a serial port (CDC-ACM), as byte streams. Needs luna-usb, which comes with the extra `boards`."""

from types import SimpleNamespace

from amaranth.hdl import Elaboratable, Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.fifo import AsyncFIFOBuffered
from amaranth.lib.wiring import In, Out
from luna.gateware.usb.usb2.device import USBDevice
from luna.gateware.usb.usb2.endpoint import EndpointInterface
from luna.gateware.usb.usb2.endpoints.stream import USBStreamInEndpoint, USBStreamOutEndpoint
from luna.gateware.usb.usb2.request import StallOnlyRequestHandler, USBRequestHandler
from usb_protocol.emitters import DeviceDescriptorCollection
from usb_protocol.emitters.descriptors import cdc
from usb_protocol.types import USBRequestType

VENDOR, PRODUCT = 0x1209, 0x0001
"""pid.codes' number for tests: hosts choose the driver by the class of the device, not by these."""
PACKET_BYTES = 64
"""Longest packet of an endpoint at full speed."""
REPLY_BYTES = PACKET_BYTES - 1
"""Longest packet that is sent: a host hands on what it has when a packet is shorter than it could be, so each of them is."""
DATA, STATUS = 1, 2
"""Endpoints: bytes in both directions; changes of modem lines, of which there are none."""
SET_LINE_CODING, SET_CONTROL_LINE_STATE = 0x20, 0x22
CROSSING_BYTES = 16
"""Bytes that wait between the clocks of the core and of the bus: more than the crossing's delay at any ratio of theirs."""


def descriptors() -> DeviceDescriptorCollection:
    """What the device says about itself: one configuration with an interface of control and one of data."""
    found = DeviceDescriptorCollection()
    with found.DeviceDescriptor() as device:
        device.bDeviceClass, device.bDeviceSubclass, device.bDeviceProtocol = 0xEF, 0x02, 0x01  # interfaces that belong together
        device.idVendor, device.idProduct, device.bMaxPacketSize0 = VENDOR, PRODUCT, PACKET_BYTES
        device.iManufacturer, device.iProduct = "lifline", "lifline spiking neural network"
        device.bNumConfigurations = 1
    with found.ConfigurationDescriptor() as configuration:
        with configuration.InterfaceAssociationDescriptor() as both:
            both.bFirstInterface, both.bInterfaceCount = 0, 2
            both.bFunctionClass, both.bFunctionSubClass, both.bFunctionProtocol = 0x02, 0x02, 0x01
        with configuration.InterfaceDescriptor() as control:
            control.bInterfaceNumber = 0
            control.bInterfaceClass, control.bInterfaceSubclass, control.bInterfaceProtocol = 0x02, 0x02, 0x01
            union, calls = cdc.UnionFunctionalDescriptorEmitter(), cdc.CallManagementFunctionalDescriptorEmitter()
            union.bControlInterface, union.bSubordinateInterface0, calls.bDataInterface = 0, 1, 1
            for part in (cdc.HeaderDescriptorEmitter(), calls, cdc.ACMFunctionalDescriptorEmitter(), union):
                control.add_subordinate_descriptor(part)
            with control.EndpointDescriptor() as status:
                status.bEndpointAddress, status.bmAttributes, status.wMaxPacketSize, status.bInterval = 0x80 | STATUS, 0x03, 16, 255
        with configuration.InterfaceDescriptor() as data:
            data.bInterfaceNumber, data.bInterfaceClass, data.bInterfaceSubclass, data.bInterfaceProtocol = 1, 0x0A, 0, 0
            for direction in (0x80, 0):
                with data.EndpointDescriptor() as end:
                    end.bEndpointAddress, end.bmAttributes, end.wMaxPacketSize = direction | DATA, 0x02, PACKET_BYTES
    return found


class LineRequests(USBRequestHandler):
    """Takes what a host asks of a serial port, rate and modem lines, and lets it have no effect: drivers give up a port that refuses them."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port, request = self.interface, self.interface.setup
        asked = (request.request == SET_LINE_CODING) | (request.request == SET_CONTROL_LINE_STATE)
        with m.If((request.type == USBRequestType.CLASS) & asked):
            m.d.comb += port.claim.eq(1)
            with m.If(port.rx_ready_for_response):
                m.d.comb += port.handshakes_out.ack.eq(1)
            with m.If(port.status_requested):
                m.d.comb += self.send_zlp()
        return m


class NothingToTell(Elaboratable):
    """Endpoint that has never anything to send.

    Attributes
    ----------
    interface : to the device.
    """

    def __init__(self) -> None:
        self.interface = EndpointInterface()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        token = self.interface.tokenizer
        m.d.comb += self.interface.handshakes_out.nak.eq((token.endpoint == STATUS) & token.is_in & token.ready_for_response)
        return m


class Sending(USBStreamInEndpoint):
    """Bytes to the host. A configuration, and so a reset of the bus, begins with the first of the two kinds of packets."""

    def elaborate(self, platform: object) -> object:
        return ResetInserter({"usb": self.interface.active_config == 0})(super().elaborate(platform))


class Receiving(USBStreamOutEndpoint):
    """Bytes from the host; likewise."""

    def elaborate(self, platform: object) -> object:
        return ResetInserter({"usb": self.interface.active_config == 0})(super().elaborate(platform))


class UsbSerial(wiring.Component):
    """A serial port on the two lines of USB.

    Nothing is lost: a host that sends more than there is room for is told to send it again, and bytes for the host wait until it asks. Packets that
    are damaged or lost are repeated by host and device. Domains: ``sync`` of the byte streams; ``usb_io``, 48 MHz, and ``usb``, 12 MHz, whose
    edges are edges of ``usb_io``.

    Members
    -------
    i : In(stream of bytes), to the host.   o : Out(stream of bytes), from the host; both in ``sync``.
    dp_i, dn_i : In, levels of the lines D+ and D-, of no clock.   dp_o, dn_o : Out, levels to drive, in ``usb_io``.
    oe : Out, level: drive them.   pullup : Out, level: pull D+ up, which is how a host finds a device.
    """

    i: In(stream.Signature(8))
    o: Out(stream.Signature(8))
    dp_i: In(1)
    dn_i: In(1)
    dp_o: Out(1)
    dn_o: Out(1)
    oe: Out(1)
    pullup: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lines = SimpleNamespace(**{name: SimpleNamespace(i=Signal(name=f"{name}_i"), o=Signal(name=f"{name}_o"), oe=Signal(name=f"{name}_oe")) for name in ("d_p", "d_n", "pullup")})
        m.submodules.dp_steady = FFSynchronizer(self.dp_i, lines.d_p.i, o_domain="usb_io")
        m.submodules.dn_steady = FFSynchronizer(self.dn_i, lines.d_n.i, o_domain="usb_io")
        m.d.comb += [self.dp_o.eq(lines.d_p.o), self.dn_o.eq(lines.d_n.o), self.oe.eq(lines.d_p.oe), self.pullup.eq(lines.pullup.o)]

        device = USBDevice(bus=lines)
        control = device.add_standard_control_endpoint(descriptors())
        control.add_request_handler(LineRequests())
        control.add_request_handler(StallOnlyRequestHandler(lambda request: (request.type == USBRequestType.VENDOR) | (request.type == USBRequestType.RESERVED)))
        sending = Sending(endpoint_number=DATA, max_packet_size=REPLY_BYTES)
        receiving = Receiving(endpoint_number=DATA, max_packet_size=PACKET_BYTES)
        for end in (NothingToTell(), receiving, sending):
            device.add_endpoint(end)
        m.submodules.device = device
        m.d.comb += [device.connect.eq(1), sending.flush.eq(1)]

        m.submodules.incoming = incoming = AsyncFIFOBuffered(width=8, depth=CROSSING_BYTES, w_domain="usb", r_domain="sync")
        m.submodules.outgoing = outgoing = AsyncFIFOBuffered(width=8, depth=CROSSING_BYTES, w_domain="sync", r_domain="usb")
        m.d.comb += [
            incoming.w_data.eq(receiving.stream.payload),
            incoming.w_en.eq(receiving.stream.valid),
            receiving.stream.ready.eq(incoming.w_rdy),
            sending.stream.payload.eq(outgoing.r_data),
            sending.stream.valid.eq(outgoing.r_rdy),
            outgoing.r_en.eq(sending.stream.ready),
            self.o.payload.eq(incoming.r_data),
            self.o.valid.eq(incoming.r_rdy),
            incoming.r_en.eq(self.o.ready),
            outgoing.w_data.eq(self.i.payload),
            outgoing.w_en.eq(self.i.valid),
            self.i.ready.eq(outgoing.w_rdy),
        ]
        return m

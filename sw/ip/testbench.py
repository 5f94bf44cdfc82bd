"""A testbench in Verilog that finds the core at its bus: the first thing to simulate in a system of one's own."""

from __future__ import annotations

from lifline.arch.config import INTERFACE_VERSION, Config
from lifline.arch.frame import Kind, Request
from lifline.arch.layout import WORD_BITS
from lifline.arch.registers import ADDRESS_BITS, MAGIC

from .verilog import Bus, module_name

START = """\
// Reads the first three registers and compares them: magic number, interface version, hash of the configuration.
`timescale 1ns / 1ps
module testbench;
    reg clk = 0, rst = 1;
    always #5 clk = ~clk;
    integer wrong = 0;

    task compare(input [{top}:0] got, input [{top}:0] wanted, input [8 * 20 - 1:0] what);
        if (got !== wanted) begin
            wrong = wrong + 1;
            $display("%0s is %h, not %h", what, got, wanted);
        end
    endtask
"""
CHECK = """
    reg [{top}:0] word;
    initial begin
        repeat (4) @(posedge clk);
        rst <= 0;
        repeat (4) @(posedge clk);
        read({address}'d0, word);
        compare(word, 32'h{magic:08x}, "magic");
        read({address}'d{step}, word);
        compare(word, 32'd{version}, "interface version");
        read({address}'d{step2}, word);
        compare(word, 32'h{hash:08x}, "configuration hash");
        $display("%0s", wrong ? "FAIL" : "PASS");
        $finish;
    end
endmodule
"""
AXI = """
    reg [25:0] araddr = 0;
    reg arvalid = 0;
    wire arready, rvalid;
    wire [31:0] rdata;
    wire [1:0] rresp;
    {module} core (
        .clk(clk), .rst(rst),
        .s_axi_awaddr(26'd0), .s_axi_awprot(3'd0), .s_axi_awvalid(1'b0), .s_axi_wdata(32'd0), .s_axi_wstrb(4'd0), .s_axi_wvalid(1'b0), .s_axi_bready(1'b1),
        .s_axi_araddr(araddr), .s_axi_arprot(3'd0), .s_axi_arvalid(arvalid), .s_axi_arready(arready),
        .s_axi_rdata(rdata), .s_axi_rresp(rresp), .s_axi_rvalid(rvalid), .s_axi_rready(1'b1),
        .s_axis_tdata(16'd0), .s_axis_tvalid(1'b0), .m_axis_tready(1'b0)
    );

    task read(input [25:0] where, output [31:0] data);
        begin
            araddr <= where;
            arvalid <= 1;
            @(posedge clk);
            while (!arready) @(posedge clk);
            arvalid <= 0;
            while (!rvalid) @(posedge clk);
            data = rdata;
            @(posedge clk);
        end
    endtask
"""
WISHBONE = """
    reg [23:0] adr = 0;
    reg stb = 0;
    wire ack, err;
    wire [31:0] dat;
    {module} core (
        .clk(clk), .rst(rst), .wb_cyc(stb), .wb_stb(stb), .wb_we(1'b0), .wb_adr(adr), .wb_sel(4'hf), .wb_dat_w(32'd0),
        .wb_dat_r(dat), .wb_ack(ack), .wb_err(err)
    );

    task read(input [23:0] where, output [31:0] data);
        begin
            adr <= where;
            stb <= 1;
            @(posedge clk);
            while (!(ack | err)) @(posedge clk);
            data = dat;
            stb <= 0;
            @(posedge clk);
        end
    endtask
"""
STREAM = """
    reg [7:0] out = 0;
    reg out_valid = 0;
    wire out_ready, in_valid;
    wire [7:0] in;
    {module} core (
        .clk(clk), .rst(rst), .i__payload(out), .i__valid(out_valid), .i__ready(out_ready), .o__payload(in), .o__valid(in_valid), .o__ready(1'b1)
    );
    // Frames that read registers 0, 1 and 2; a reply has four bytes, the word, and two bytes of checksum.
    reg [8 * {length} - 1:0] frame;
    reg [8 * 10 - 1:0] reply;
    integer k;

    task read(input [23:0] where, output [31:0] data);
        begin
            case (where)
{frames}
            endcase
            for (k = 0; k < {length}; k = k + 1) begin
                out <= frame[8 * k +: 8];
                out_valid <= 1;
                @(posedge clk);
                while (!out_ready) @(posedge clk);
            end
            out_valid <= 0;
            for (k = 0; k < 10; k = k + 1) begin
                while (!in_valid) @(posedge clk);
                reply[8 * k +: 8] = in;
                @(posedge clk);
            end
            data = reply[63:32];
        end
    endtask
"""


def bench_verilog(config: Config, bus: Bus) -> str:
    """Verilog that prints ``PASS`` if a core of this configuration answers at its bus, and else what is wrong and ``FAIL``."""
    bytewise = bus is Bus.AXI
    names: dict[str, object] = {"module": module_name(config, bus)}
    if bus is Bus.STREAM:
        frames = [Request(k, Kind.READ, k, 1, ()).encode() for k in range(3)]
        lines = [f"                {k}: frame = {8 * len(f)}'h{f[::-1].hex()};" for k, f in enumerate(frames)]
        names |= {"length": len(frames[0]), "frames": "\n".join(lines)}
    body = {Bus.AXI: AXI, Bus.WISHBONE: WISHBONE, Bus.STREAM: STREAM}[bus].format(**names)
    check = CHECK.format(
        top=WORD_BITS - 1, address=ADDRESS_BITS + (2 if bytewise else 0), step=4 if bytewise else 1, step2=8 if bytewise else 2,
        magic=MAGIC, version=INTERFACE_VERSION, hash=config.hash,
    )  # fmt: skip
    return START.format(top=WORD_BITS - 1) + body + check

// Clock, reset, and a console that prints.
`timescale 1ns / 1ns
module testbench;
    reg clock = 0, reset = 1;
    wire valid;
    wire [7:0] data;
    always #10 clock = !clock;
    system dut(.clock(clock), .reset(reset), .serial_source_valid(valid), .serial_source_ready(1'b1), .serial_source_data(data), .serial_sink_valid(1'b0), .serial_sink_data(8'd0));
    initial begin
        repeat (8) @(posedge clock);
        reset <= 0;
        repeat (20000000) @(posedge clock);
        $display("no end after 20,000,000 cycles");
        $finish;
    end
    always @(posedge clock) if (valid && !reset) begin
        if (data == 8'd4) begin
            $display("%0d cycles", $time / 20);
            $finish;
        end
        $write("%c", data);
    end
endmodule

"""Turn a network into register-transfer logic with open tools only: alkaid traces it, Verilator simulates it, Yosys synthesises it.

``trace`` describes the logic, ``project`` writes it as Verilog or VHDL, ``simulate`` runs it bit for bit, ``yosys`` counts its
cells and ``delay`` estimates its latency. Every number is an estimate of the open flow; none is Vivado's.
"""

"""Second opinions: slow, plain answers to the same questions, written on the raw input without the package.

An oracle imports nothing of monitoring_core, so what it says cannot repeat the package's mistakes.
"""

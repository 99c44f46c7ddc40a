"""Tells what pyEDFlib finds in an EDF+ file, as JSON: python edf_peer.py FILE"""

import json
import sys

import pyedflib

with pyedflib.EdfReader(sys.argv[1]) as reader:
    print(json.dumps({
        "start": reader.getStartdatetime().isoformat(timespec="seconds"),
        "seconds": float(reader.file_duration),
        "channels": [
            {
                "label": reader.getLabel(row),
                "rate": float(reader.getSampleFrequency(row)),
                "unit": reader.getPhysicalDimension(row),
                "digital": reader.readSignal(row, digital=True).tolist(),
            }
            for row in range(reader.signals_in_file)
        ],
    }))

"""The report of a long recording: a PDF of several pages, and one HTML page with the same content.

Charts and strips are drawn once, on a surface that is a page of the PDF or an SVG.
"""

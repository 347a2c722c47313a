Redoc.init("/openapi.json", { hideDownloadButton: false, expandResponses: "200", nativeScrollbars: true }, document.getElementById("page"));

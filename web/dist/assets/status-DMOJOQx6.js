import{R as o,u as r,w as a}from"./index-CR9DIedf.js";const e=document.getElementById("page");e!==null&&o(r("footer",{children:a.value.app.researchUse}),e);

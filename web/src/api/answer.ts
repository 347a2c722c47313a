/**
 * Short names of the answer's types. They are generated from the document of a server without
 * models, in the folder of the repository:
 *
 *     python -c "from server.openapi.document import *; print(openapi_bytes(Settings(), LoadedModels()).decode())" > web/openapi.json
 *     (cd web && npm run api && rm openapi.json)
 */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Analysis = Schemas["Analysis"];
export type Finding = Schemas["ClinicalFinding"];
export type Measurements = Schemas["Measurements"];
export type Label = Schemas["Label"];
export type Quality = Schemas["Quality"];
export type QualityFinding = Schemas["Finding"];
export type Beat = Schemas["Fiducials"];
export type RepresentativeBeat = Schemas["RepresentativeBeat"];
export type MatrixRow = Schemas["MatrixRow"];
export type Pacemaker = Schemas["Pacemaker"];
export type Reported = Schemas["Reported"];
export type Saliency = Schemas["Saliency"];
export type ProblemBody = Schemas["Problem"];
export type Health = Schemas["Health"] | Schemas["ShortHealth"];

-- Run by the Postgres image when its data folder is made: a role that owns its database and nothing else.
\set password `cat /run/secrets/harvester_password`
CREATE ROLE harvester LOGIN PASSWORD :'password';
CREATE DATABASE harvester OWNER harvester;
REVOKE ALL ON DATABASE harvester FROM PUBLIC;
